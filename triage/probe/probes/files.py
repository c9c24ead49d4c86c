"""`files`: something that the test opens is not there, or is there but not from where the test stands."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps
from triage.probe.related_files import related
from triage.probe.treatment import Treatment, message_of, said, settle, uses, with_instrument

_SIBLINGS = (".example", ".sample", ".template", ".dist", ".default", ".orig", ".bak", ".golden", ".in")
_PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    ".json": ("{}", "[]"),
    ".toml": ("",),
    ".yaml": ("{}",),
    ".yml": ("{}",),
}
_MAKERS = re.compile(
    r"make|gen|build|creat|updat|prepar|record|dump|golden|fixture|snapshot|setup", re.IGNORECASE
)
_WRITES = re.compile(r"\.write|open\(.*['\"][wx]b?['\"]|dump\(|save|to_csv|copy|>\s*[\"'\w$]")
_REACHES_OUT = re.compile(
    r"\b(requests|boto\w*|upload|urllib|ssh|scp|rsync|curl|wget|push|deploy|rmtree|rm -)\b"
)
_CODE = (".py", ".pyi", ".pyc", ".so", ".toml", ".cfg", ".lock")
_MOST_ODD = 6
_BOM = b"\xef\xbb\xbf"


def likenesses(case: Case, path: str) -> Iterator[tuple[str, str]]:
    """Texts that may be what is missing: from the history, namesakes, samples, then empty ones."""
    kept: Mapping[str, Sequence[tuple[str, str]]] = case.facts.get("kept_in_git", {})
    if path in kept:
        yield from kept[path]
    for other in _alike(case, path)[:4]:
        text = case.source(other)
        if text is not None:
            yield f"a copy of {other}", text
    name = posixpath.basename(path)
    if "." not in name:
        yield "an empty folder", ""
    yield "an empty file", ""
    for text in _PLACEHOLDERS.get(posixpath.splitext(name)[1], ()):
        if text:
            yield f"a file with {text}", text


def _alike(case: Case, path: str) -> list[str]:
    name = posixpath.basename(path)
    stem = name.partition(".")[0].lower()
    others = [f for f in case.files if f != path]
    near = [f for f in others if posixpath.dirname(f) == posixpath.dirname(path)]
    found = [
        *(f for f in others if posixpath.basename(f) == name),
        *(path + end for end in _SIBLINGS if path + end in case.files),
        *(f for f in others if f.lower() == path.lower()),
        *(f for f in others if posixpath.basename(f).lower() == name.lower()),
        *(f for f in near if posixpath.basename(f).partition(".")[0].lower() == stem),
    ]
    return list(dict.fromkeys(found))


def makers(case: Case, path: str) -> list[str]:
    """Scripts of the suite that by name and text write this file, and reach for nothing outside."""
    name = posixpath.basename(path)
    found = []
    for script in case.files:
        text = case.source(script) if script.endswith((".py", ".sh")) and _MAKERS.search(script) else None
        if text is None or name not in text or script.rpartition("/")[2].startswith(("test_", "conftest")):
            continue
        if _WRITES.search(text) and not _REACHES_OUT.search(text):
            found.append(script)
    return found[:3]


def odd_files(case: Case) -> list[tuple[str, str, str]]:
    """Data files that the test names with CRLF, a byte order mark or no UTF-8: path, oddity, plain text."""
    raw: Mapping[str, bytes] = case.facts.get("bytes", {})
    data = [path for path in case.files if not path.endswith(_CODE)]
    if not raw or not data:
        return []
    code = "\n".join(case.source(path) or "" for path in related(case))
    found = []
    for path in data:
        if posixpath.basename(path) in code and (odd := _oddity(raw.get(path, b""))) is not None:
            found.append((path, *odd))
    return found[:_MOST_ODD]


def _oddity(content: bytes) -> tuple[str, str] | None:
    if b"\0" in content[:4096]:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "another encoding than UTF-8", content.decode("latin-1")
    if content.startswith(_BOM):
        return "a byte order mark", text[1:]
    return ("CRLF line endings", text.replace("\r\n", "\n")) if b"\r\n" in content else None


_NOT_THERE = re.compile(
    r"(?:No such file or directory|FileNotFoundError|not found|does not exist|missing)[^'\"\n]*"
    r"['\"]([^'\"\n]+)['\"]"
)
_LOSSES = re.compile(
    r"FileNotFoundError|No such file|NotADirectoryError|does not exist|missing|not found", re.IGNORECASE
)
_MOST_PATHS = 6


class Files:
    """Missing files, and relative paths under another working directory."""

    name = "files"

    def likelihood(self, case: Case) -> float:
        """High where the failure says that something is not there."""
        text = message_of(case)
        if _LOSSES.search(text):
            return 0.9
        if case.flaky:
            return 0.0
        absent = [line for line in uses(case, "file") if not line.get("exists")]
        if odd_files(case):
            return 0.6
        return 0.5 if absent else 0.1 if uses(case, "cwd") else 0.02

    def investigate(self, case: Case) -> Steps:
        """For each absent path: stand elsewhere, or provide it from where a likeness of it lies."""
        absent = _absent(case)
        other = [_rewritten(case, *odd) for odd in odd_files(case)]
        found = yield from settle(self.name, case, other, "with the file in its usual form")
        if found is not None:
            return found
        if not absent:
            excluded = "every file that the test opens is there"
            return Finding(excluded=excluded, facts={"tried": other})
        moves = [t for path in absent for t in _standing_elsewhere(case, path)]
        provisions = [t for path in absent for t in (*_generated(case, path), *_provided(case, path))]
        found = yield from settle(self.name, case, moves, "from another working directory")
        if found is None:
            found = yield from settle(self.name, case, provisions, "with the file there")
        if found is not None:
            return found
        named = [
            path
            for path in absent
            if path in message_of(case) or posixpath.basename(path) in message_of(case)
        ]
        if named and _LOSSES.search(message_of(case)):
            summary = f"{named[0]} is not there, and nothing like it was found to put in its place"
            return Finding(
                cause=RootCause(
                    kind="missing-file", summary=summary, culprits=(named[0],), confidence="likely"
                ),
                facts={"tried": [*moves, *provisions]},
            )
        return Finding(
            excluded="providing what is absent does not help", facts={"tried": [*moves, *provisions]}
        )


def _absent(case: Case) -> list[str]:
    """Absent paths relative to the root where they lie beneath it: those in the message first."""
    text = message_of(case)
    named = [match[1] for match in _NOT_THERE.finditer(text)]
    seen = [str(line["name"]) for line in uses(case, "file") if not line.get("exists")]
    named += [path for path in seen if path in text or posixpath.basename(path) in text]
    paths = dict.fromkeys(_relative(case, path) for path in (*named, *seen) if path.strip("./"))
    return [path for path in paths if not path.endswith((".pyc", ".so")) and "__pycache__" not in path][
        :_MOST_PATHS
    ]


def _relative(case: Case, path: str) -> str:
    """A path of a scratch copy as the suite has it."""
    for line in uses(case, "file"):
        if path in (line.get("name"), line.get("absolute")) and line.get("relative"):
            return posixpath.normpath(str(line["name"]))
    match = re.search(r"/slot_\d+/[^/]+/[^/]+/(.+)$", path)
    return match[1] if match else posixpath.normpath(path)


def _standing_elsewhere(case: Case, path: str) -> Iterator[Treatment]:
    if posixpath.isabs(path):
        return
    for other in case.files:
        whole = "/" + other
        if other == path:
            yield _from_folder(case, path, ".")
            continue
        end = whole.find("/" + path.lstrip("./") + "/") if ("/" + path + "/") in whole else -1
        if whole.endswith("/" + path) and other != path:
            folder = other[: -len(path)].rstrip("/")
        elif end > 0:
            folder = whole[1:end]
        else:
            continue
        yield _from_folder(case, path, folder)


def _from_folder(case: Case, path: str, folder: str) -> Treatment:
    baseline, treated = with_instrument(case.base, "cwd", {"to": folder})
    return Treatment(
        factor=Factor(kind="cwd", name="working directory", from_="as here", to=folder),
        kind="working-directory",
        baseline=baseline,
        treated=treated,
        prediction=f"From {folder} the test passes: it names {path} relative to where it stands.",
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
        )


def _rewritten(case: Case, path: str, oddity: str, text: str) -> Treatment:
    return Treatment(
        factor=Factor(kind="file", name=path, from_=oddity, to="plain UTF-8 with LF"),
        kind="locale" if "encoding" in oddity else "test-defect",
        baseline=case.base,
        treated=case.base.plus(edits={path: text}),
        prediction=f"Without {oddity} in {path} the test passes.",
        summary=f"{path} has {oddity}; without it the test passes",
        culprits=(path,),
    )


def _provided(case: Case, path: str) -> Iterator[Treatment]:
    if posixpath.isabs(path) or path.startswith(".."):
        return
    for origin, text in likenesses(case, path):
        yield Treatment(
            factor=Factor(kind="file", name=path, from_="absent", to=origin),
            kind="missing-file",
            baseline=case.base,
            treated=case.base.plus(edits={path if origin != "an empty folder" else f"{path}/.keep": text}),
            prediction=f"With {path} provided ({origin}) the test passes: its absence makes it fail.",
            summary=f"{path} is not there; provided ({origin}), the test passes",
            culprits=(path,),
            sure=_missed(case, path),
        )


def _missed(case: Case, path: str) -> bool:
    """Whether the failure itself speaks of it: a file that code copes without may lead it around a fault."""
    text = said(case)
    return posixpath.basename(path) in text or _LOSSES.search(text) is not None
