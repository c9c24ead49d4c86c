"""Test whether a file is missing, lies elsewhere than the working directory, or has an unusual form."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps
from triage.probe.file_candidates import EMPTY_FOLDER, OddFile, makers, odd_files, replacements
from triage.probe.symptoms import message_of, raised_text, uses
from triage.probe.treatment import Treatment, settle, with_instrument
from triage.text.pattern import pattern

_ABSENT_PATH = pattern(
    r"""
    (?: No [ ] such [ ] file [ ] or [ ] directory | FileNotFoundError
      | not [ ] found | does [ ] not [ ] exist | missing )
    [^'"\n]*
    ['"] ( [^'"\n]+ ) ['"]                 # the path, in quotes
    """,
    matches=["No such file or directory: 'data/a.txt'", 'file not found "a.ini"'],
    rejects=["No such file or directory", "'a.txt' was read"],
)
_SOMETHING_ABSENT = pattern(
    r"FileNotFoundError | No[ ]such[ ]file | NotADirectoryError | does[ ]not[ ]exist | missing | not[ ]found",
    matches=["FileNotFoundError: 'a'", "a.ini does not exist", "Missing key"],
    rejects=["assert 1 == 2", "a file was found"],
    flags=re.IGNORECASE,
)
_SCRATCH_PATH = pattern(
    r"/slot_\d+ / [^/]+ / [^/]+ / (.+) $",
    matches=["/tmp/tr-x/slot_0/tree/base/tests/a.txt"],
    rejects=["/home/u/tests/a.txt"],
)
"""A path in a scratch copy of the suite; the group is the path in the suite."""
_MOST_PATHS = 6


def names_a_missing_file(case: Case) -> bool:
    """Whether the failure says that something does not exist."""
    return _SOMETHING_ABSENT.search(message_of(case)) is not None


def reads_an_odd_file(case: Case) -> bool:
    """Whether a steady failure's test names a data file with CRLF, a byte order mark or no UTF-8."""
    return not case.flaky and bool(odd_files(case))


def opens_a_missing_file(case: Case) -> bool:
    """Whether the survey of a steady failure saw the test open what is not there."""
    return not case.flaky and bool(_missing_uses(case))


def asks_for_the_working_directory(case: Case) -> bool:
    """Whether a steady failure's test reads or changes the working directory."""
    return not case.flaky and bool(uses(case, "cwd"))


def _missing_uses(case: Case) -> list[str]:
    return [str(line["name"]) for line in uses(case, "file") if not line.get("exists")]


class Files:
    """Provide what is missing, run from elsewhere, or normalise what has an unusual form."""

    name = "files"

    def investigate(self, case: Case) -> Steps:
        """Normal forms first; for each missing path another working directory, then a replacement."""
        normalised = [_normalised(case, odd) for odd in odd_files(case)]
        found = yield from settle(self.name, case, normalised, "with the file in its usual form")
        if found is not None:
            return found
        missing = _missing_paths(case)
        if not missing:
            return Finding(excluded="every file that the test opens is there", facts={"tried": normalised})
        moved = [treatment for path in missing for treatment in _from_elsewhere(case, path)]
        found = yield from settle(self.name, case, moved, "from another working directory")
        if found is not None:
            return found
        provided = [t for path in missing for t in (*_generated(case, path), *_provided(case, path))]
        found = yield from settle(self.name, case, provided, "with the file there")
        if found is not None:
            return found
        facts = {"tried": [*moved, *provided]}
        text = message_of(case)
        named = [path for path in missing if path in text or posixpath.basename(path) in text]
        if named and names_a_missing_file(case):
            summary = f"{named[0]} is not there, and nothing like it was found to put in its place"
            cause = RootCause(kind="missing-file", summary=summary, culprits=(named[0],), confidence="likely")
            return Finding(cause=cause, facts=facts)
        return Finding(excluded="providing what is absent does not help", facts=facts)


def _missing_paths(case: Case) -> list[str]:
    """Missing paths, relative where they lie below the root: those in the message first."""
    text = message_of(case)
    used = _missing_uses(case)
    named = [match[1] for match in _ABSENT_PATH.finditer(text)]
    named += [path for path in used if path in text or posixpath.basename(path) in text]
    found: dict[str, None] = {}
    for path in (*named, *used):
        if not path.strip("./"):
            continue
        relative = _relative(case, path)
        if not relative.endswith((".pyc", ".so")) and "__pycache__" not in relative:
            found[relative] = None
    return list(found)[:_MOST_PATHS]


def _relative(case: Case, path: str) -> str:
    """A path of a scratch copy as the suite has it."""
    for line in uses(case, "file"):
        if path in (line.get("name"), line.get("absolute")) and line.get("relative"):
            return posixpath.normpath(str(line["name"]))
    match = _SCRATCH_PATH.search(path)
    return match[1] if match else posixpath.normpath(path)


def _normalised(case: Case, odd: OddFile) -> Treatment:
    return Treatment(
        factor=Factor(kind="file", name=odd.path, from_=odd.oddity, to="plain UTF-8 with LF"),
        kind="locale" if odd.other_encoding else "test-defect",
        baseline=case.base,
        treated=case.base.plus(edits={odd.path: odd.text}),
        prediction=f"Without {odd.oddity} in {odd.path} the test passes.",
        summary=f"{odd.path} has {odd.oddity}; without it the test passes",
        culprits=(odd.path,),
        because="git has another text of it" if odd.path in case.facts.get("dirty", ()) else "",
    )


def _from_elsewhere(case: Case, path: str) -> Iterator[Treatment]:
    """Working directories from which the path leads to a file or a folder of the suite."""
    if posixpath.isabs(path):
        return
    for other in case.files:
        folder = _folder_with(path, other)
        if folder is not None:
            yield _from_folder(case, path, folder)


def _folder_with(path: str, file: str) -> str | None:
    """The folder below which the path is this file, or a folder that holds it; None for neither."""
    if file == path:
        return "."
    whole = "/" + file
    if whole.endswith("/" + path):
        return file[: -len(path)].rstrip("/")
    if f"/{path}/" in whole:
        start = whole.find("/" + path.lstrip("./") + "/")
        return whole[1:start] if start > 0 else None
    return None


def _from_folder(case: Case, path: str, folder: str) -> Treatment:
    baseline, treated = with_instrument(case.base, "cwd", {"to": folder})
    return Treatment(
        factor=Factor(kind="cwd", name="working directory", from_="as here", to=folder),
        kind="working-directory",
        baseline=baseline,
        treated=treated,
        prediction=f"From {folder} the test passes: it names {path} relative to the working directory.",
        summary=f"{path} is looked up in the working directory; it lies in {folder}",
        culprits=(path,),
    )


def _generated(case: Case, path: str) -> Iterator[Treatment]:
    for script in makers(case, path):
        baseline, treated = with_instrument(case.base, "prelude", {"run": [script]})
        yield Treatment(
            factor=Factor(kind="file", name=path, from_="absent", to=f"made by {script}"),
            kind="missing-file",
            baseline=baseline,
            treated=treated,
            prediction=f"After {script} has run, {path} is there and the test passes.",
            summary=f"{path} is not there; {script} makes it, and then the test passes",
            culprits=(path, script),
            because=f"{script} is there to make it",
        )


def _provided(case: Case, path: str) -> Iterator[Treatment]:
    if posixpath.isabs(path) or path.startswith(".."):
        return
    for origin, text in replacements(case, path):
        written = f"{path}/.keep" if origin == EMPTY_FOLDER else path
        yield Treatment(
            factor=Factor(kind="file", name=path, from_="absent", to=origin),
            kind="missing-file",
            baseline=case.base,
            treated=case.base.plus(edits={written: text}),
            prediction=f"With {path} provided ({origin}) the test passes: its absence makes it fail.",
            summary=f"{path} is not there; provided ({origin}), the test passes",
            culprits=(path,),
            sure=_is_missed(case, path),
            because=f"git has it ({origin})" if origin in _in_git(case, path) else "",
        )


def _in_git(case: Case, path: str) -> list[str]:
    """Where git has the file: a path that nobody ever committed may be a slip of the code."""
    kept: Mapping[str, Sequence[tuple[str, str]]] = case.facts.get("kept_in_git", {})
    return [origin for origin, _ in kept[path]] if path in kept else []


def _is_missed(case: Case, path: str) -> bool:
    """Whether the failure itself speaks of it: a file that code copes without may lead it around a fault."""
    text = raised_text(case)
    return posixpath.basename(path) in text or _SOMETHING_ABSENT.search(text) is not None
