"""Decoys made by machine: a bug in a real project, and beside it a treatment that only leads around it.

Usage: python -m benchmarks decoys [PROJECT...] [--claims] [--minutes M] [--json FILE] [--search N] [--seed S]

Each decoy is a mutation of a source distribution and a knob (`decoy_knobs`) in the same function: its test is
red, and green where the knob is turned, with the bug in place. `--search N` adds N decoys to `decoys.json`;
what is measured is whether `triage probe` calls any of them a proven cause. Projects are split by name into
those that may be looked at and unseen ones. Downloads and clean runs are kept in the folder that
`TRIAGE_BENCH_CACHE` names.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from benchmarks.decoy_claims import claim_of_treatment
from benchmarks.decoy_knobs import KNOBS, Knob, with_knob
from benchmarks.projects.catalogue import Half, Mutant, Project, projects
from benchmarks.projects.operators import OPERATORS, Source, edits_of, line_of
from benchmarks.projects.sources import Cache, copy_to, fetch, packages
from benchmarks.projects.suites import ARGUMENTS, SuiteRun, clean_run, run_suite
from benchmarks.zoo import probed
from triage.model.base import Value

DECOYS = Path(__file__).parent / "decoys.json"
_BUDGET = 240.0
"""Seconds for one probe."""
_TRIAL_SECONDS = 20.0
_MOST_TRIALS = 400
_MOST_FILES = 2
"""Test files that are run to see whether a bug shows: those of a function that many files use take long."""
_CALM = (
    "wrong-constant",
    "wrong-condition",
    "off-by-one",
    "wrong-default",
    "swapped-arguments",
    "changed-type",
)
"""Operators that give a wrong result: what stops with a clear error is no hard decoy."""
_IDENTITY = ("-c", "user.email=decoys@example.org", "-c", "user.name=Decoys", "-c", "commit.gpgsign=false")
_WARM_TEST = "test_000_warm.py"


class Decoy(Value):
    """A bug, the knob beside it, and the test that shows it."""

    mutant: Mutant
    knob: str
    subject: str

    @property
    def name(self) -> str:
        """Names it among all decoys."""
        return f"{self.mutant.project}:{self.mutant.function}:{self.mutant.operator}:{self.knob}"


class Row(Value):
    """What a probe said of one decoy."""

    name: str
    half: Half
    knob: str
    reproduced: bool = False
    kind: str = ""
    confidence: str = ""
    claim: str | None = None
    wrong_proof: bool = False
    found: bool = False
    """Whether a line of the function with the bug is among the culprits."""
    runs: int = 0
    seconds: float = 0.0
    summary: str = ""
    error: str = ""


def recorded() -> list[Decoy]:
    """The decoys that a search has found."""
    rows = json.loads(DECOYS.read_text(encoding="utf-8")) if DECOYS.exists() else []
    return [Decoy.model_validate(row) for row in rows]


def main(arguments: Sequence[str] = ()) -> int:
    """Search decoys, or measure those on record; the last lines are the figures."""
    options = _parser().parse_args(arguments)
    cache = Cache.from_environment()
    chosen = [each for each in projects() if not options.projects or each.name in options.projects]
    if options.search:
        return _search(chosen, cache, options.search, options.seed)
    named = {project.name: project for project in chosen}
    decoys = [decoy for decoy in recorded() if decoy.mutant.project in named]
    # mixed, and alike in every run
    random.Random(options.seed).shuffle(decoys)
    until = time.monotonic() + options.minutes * 60
    rows: list[Row] = []
    measured = claim_of if options.claims else measure
    for decoy in decoys:
        if time.monotonic() > until:
            print(f"time was up: {len(decoys) - len(rows)} of {len(decoys)} decoys were not probed")
            break
        rows.append(measured(decoy, named[decoy.mutant.project], cache))
        _print_row(rows[-1])
        if options.json:
            text = json.dumps([row.model_dump(mode="json") for row in rows], indent=1)
            Path(options.json).write_text(text, encoding="utf-8")
    _print_figures(rows)
    return int(sum(row.wrong_proof for row in rows) > 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks decoys")
    parser.add_argument("projects", nargs="*", help="names of projects; all of them without")
    parser.add_argument("--search", type=int, default=0, metavar="N", help="add N decoys to the record")
    parser.add_argument(
        "--claims", action="store_true", help="ask of each decoy's own treatment alone what its flip claims"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no decoy later")
    parser.add_argument("--json", metavar="FILE", help="keep the rows")
    return parser


def measure(decoy: Decoy, project: Project, cache: Cache) -> Row:
    """Grow a decoy, probe it, compare. What goes wrong on the way is a row, not the end of the run."""
    row = Row(name=decoy.name, half=project.half, knob=decoy.knob)
    with tempfile.TemporaryDirectory(prefix="decoy-", ignore_cleanup_errors=True) as base:
        root = Path(base).resolve() / project.name
        started = time.perf_counter()
        try:
            span = grow(decoy, project, cache, root)
            report = probed(decoy.subject, root, _BUDGET)
        except Exception as error:
            return row.model_copy(update={"error": f"{type(error).__name__}: {error}"[:300]})
    cause = report.root_cause
    places = [place for text in cause.culprits if (place := _place(text)) is not None]
    return row.model_copy(
        update={
            "reproduced": report.reproduced,
            "kind": cause.kind,
            "confidence": cause.confidence,
            "claim": cause.claim,
            "wrong_proof": cause.confidence == "proven",
            "found": any(path == decoy.mutant.file and line in span for path, line in places),
            "runs": report.runs,
            "seconds": round(time.perf_counter() - started, 1),
            "summary": cause.summary,
        }
    )


def claim_of(decoy: Decoy, project: Project, cache: Cache) -> Row:
    """What the rule says of the decoy's own treatment; a seed is left out, for it never makes a cause."""
    knob = next(each for each in KNOBS if each.name == decoy.knob)
    row = Row(name=decoy.name, half=project.half, knob=decoy.knob)
    if knob.chance:
        return row
    warm = f"{PurePosixPath(decoy.subject.partition('::')[0]).parent / _WARM_TEST}::test_warm"
    with tempfile.TemporaryDirectory(prefix="decoy-", ignore_cleanup_errors=True) as base:
        root = Path(base).resolve() / project.name
        started = time.perf_counter()
        try:
            grow(decoy, project, cache, root)
            cause = claim_of_treatment(decoy.subject, warm, knob, _tag(project), root)
        except Exception as error:
            return row.model_copy(update={"error": f"{type(error).__name__}: {error}"[:300]})
    if cause is None:
        return row
    return row.model_copy(
        update={
            "reproduced": True,
            "kind": cause.kind,
            "confidence": cause.confidence,
            "claim": cause.claim,
            "wrong_proof": cause.confidence == "proven",
            "seconds": round(time.perf_counter() - started, 1),
            "summary": cause.summary,
        }
    )


def _place(text: str) -> tuple[str, int] | None:
    """Path and first line of a culprit such as `a.py:3-5`."""
    path, _, lines = text.rpartition(":")
    first = lines.partition("-")[0]
    return (path, int(first)) if path and first.isdigit() else None


def grow(decoy: Decoy, project: Project, cache: Cache, root: Path) -> range:
    """Write the project with bug and knob, in a repository; returns the lines of the function with both."""
    knob = next(each for each in KNOBS if each.name == decoy.knob)
    copy_to(project, cache, root)
    text = planted(decoy.mutant, knob, root, _tag(project))
    (root / decoy.mutant.file).write_text(text, encoding="utf-8")
    for name, content in knob.always.items():
        (root / name).write_text(content.replace("{tag}", _tag(project)), encoding="utf-8")
    if knob.before:
        _write_warm_test(decoy, project, root)
    _configure(project, cache, root)
    for words in (("init", "-q", "-b", "main"), ("add", "-A", "-f"), ("commit", "-q", "-m", project.key)):
        subprocess.run(["git", *_IDENTITY, *words], cwd=root, check=True, capture_output=True)
    node = Source(text).functions[decoy.mutant.function]
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def planted(mutant: Mutant, knob: Knob, copy: Path, tag: str) -> str:
    """The mutant's file with bug and knob; raises `LookupError` or `SyntaxError` where that cannot be."""
    original = (copy / mutant.file).read_text(encoding="utf-8")
    source = Source(original)
    mutated = source.edited(edits_of(source, mutant.function, mutant.operator)[mutant.seed])
    return with_knob(original, mutated, mutant.function, knob, tag)


def _tag(project: Project) -> str:
    return project.package.rpartition("/")[2].upper().replace("-", "_").replace(".", "_")


def _write_warm_test(decoy: Decoy, project: Project, root: Path) -> None:
    inside = PurePosixPath(decoy.mutant.file).relative_to(project.path)
    module = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
    folder = (root / decoy.subject.partition("::")[0]).parent
    text = f"import importlib\n\ndef test_warm():\n    importlib.import_module({module!r})._warm = True\n"
    (folder / _WARM_TEST).write_text(text, encoding="utf-8")


def _configure(project: Project, cache: Cache, root: Path) -> None:
    """Settings of the project's own would ask for plugins that are not here: `pytest.ini` goes before them.

    The other files stay, for some suites read them.
    """
    (root / ".gitignore").unlink(missing_ok=True)
    needed = packages(project, cache)
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"PYTHONPATH": str(needed)} if needed else {})
    of_pytest = [
        "[pytest]",
        f"testpaths = {project.tests}",
        f"pythonpath = {project.path}",
        "python_classes = Test* *Test *Tests",  # as some of the settings that this hides have it
    ]
    of_triage = [
        "[tool.triage]",
        f"pytest-args = {json.dumps([*ARGUMENTS, *project.arguments])}",
        "[tool.triage.env]",
        *(f"{name} = {json.dumps(value)}" for name, value in env.items()),
    ]
    (root / "pytest.ini").write_text("\n".join(of_pytest) + "\n", encoding="utf-8")
    (root / "pyproject.toml").write_text("\n".join(of_triage) + "\n", encoding="utf-8")


def _search(chosen: Sequence[Project], cache: Cache, wanted: int, seed: int) -> int:
    """Add decoys, one project after the other in turn, each knob as often as the others."""
    found = recorded()
    known = {decoy.name for decoy in found}
    uses = Counter(decoy.knob for decoy in found)
    searches = {project.name: _candidates(project, cache, seed) for project in chosen}
    added = 0
    while searches and added < wanted:
        for project in chosen:
            if project.name not in searches or added >= wanted:
                continue
            rarest = min(KNOBS, key=lambda knob: uses[knob.name])
            decoy = _next_decoy(project, cache, searches[project.name], rarest)
            if decoy is None:
                del searches[project.name]
            elif decoy.name not in known:
                found.append(decoy)
                known.add(decoy.name)
                uses[decoy.knob] += 1
                added += 1
                rows = ",\n".join(f"  {json.dumps(each.model_dump())}" for each in found)
                DECOYS.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
                print(f"found {decoy.name} ({decoy.subject})", flush=True)
    return 0 if added >= wanted else 1


def _candidates(
    project: Project, cache: Cache, seed: int
) -> Iterator[tuple[Mutant, tuple[str, ...], SuiteRun]]:
    """Bugs in functions that tests execute, in a random order that is alike in every run."""
    try:
        clean = clean_run(project, cache)
        tree = fetch(project, cache)
    except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
        print(f"{project.key}: {error}", file=sys.stderr)
        return
    rng = random.Random(f"{project.key}:{seed}")
    executed = [each for each in clean.executed if each.test_files and "<locals>" not in each.function]
    rng.shuffle(executed)
    for each in executed[:_MOST_TRIALS]:
        source = Source((tree / each.file).read_text(encoding="utf-8"))
        operators = [name for name in _CALM if name in OPERATORS]
        rng.shuffle(operators)
        for operator in operators:
            edits = edits_of(source, each.function, operator)
            if edits:
                number = rng.randrange(len(edits))
                mutant = Mutant(
                    project=project.name, version=project.version, file=each.file, function=each.function,
                    line=line_of(edits[number]), operator=operator, seed=number,
                )  # fmt: skip
                yield mutant, each.test_files[:_MOST_FILES], clean
                break


def _next_decoy(
    project: Project, cache: Cache, candidates: Iterator[tuple[Mutant, tuple[str, ...], SuiteRun]], knob: Knob
) -> Decoy | None:
    """The next bug that takes this knob: red with it turned off, green with it turned on."""
    for mutant, test_files, clean in candidates:
        off, on = replace(knob, condition="False"), replace(knob, condition="True")
        try:
            without = _run(project, cache, mutant, off, test_files)
        except (LookupError, SyntaxError):
            continue
        red = sorted(set(without.red) & set(clean.green)) if without is not None else []
        if not red:
            continue
        subject = red[0]
        turned = _run(project, cache, mutant, on, (subject.partition("::")[0],))
        as_it_is = _run(project, cache, mutant, knob, (subject.partition("::")[0],))
        is_red = as_it_is is not None and (knob.chance or subject in as_it_is.red)
        if turned is not None and subject in turned.green and is_red:
            return Decoy(mutant=mutant, knob=knob.name, subject=subject)
    return None


def _run(
    project: Project, cache: Cache, mutant: Mutant, knob: Knob, test_files: Sequence[str]
) -> SuiteRun | None:
    with tempfile.TemporaryDirectory(prefix="trial-", dir=cache.folder) as scratch:
        copy = Path(scratch).resolve() / project.name
        copy_to(project, cache, copy)
        text = planted(mutant, knob, copy, _tag(project))
        (copy / mutant.file).write_text(text, encoding="utf-8")
        return run_suite(project, cache, copy, selected=test_files, time_limit=_TRIAL_SECONDS)


def _print_row(row: Row) -> None:
    if row.error:
        print(f"ERROR  {row.name}: {row.error}", flush=True)
        return
    mark = "WRONG!" if row.wrong_proof else "found" if row.found else "ok"
    if not row.reproduced:
        mark = "green"
    said = f"{row.kind} ({row.confidence}, {row.claim})"
    print(f"{mark:<6} {row.name} [{row.half.value}] {said} {row.runs} runs {row.seconds} s", flush=True)


def _print_figures(rows: Sequence[Row]) -> None:
    for half in Half:
        seen = [row for row in rows if row.half is half and row.reproduced]
        wrong, found = sum(row.wrong_proof for row in seen), sum(row.found for row in seen)
        conditions = sum(row.claim == "condition" for row in seen)
        print(
            f"{half.value}: {len(seen)} decoys probed; wrong proofs: {wrong}; conditions: {conditions}; "
            f"function with the bug among the culprits: {found}"
        )
    failed = sum(bool(row.error) for row in rows)
    green = sum(not row.reproduced and not row.error for row in rows)
    print(f"not reproduced: {green}; errors: {failed}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
