"""Generated failures with the skew of real ones: few causes fail most tests, many fail one."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from triage.cluster.groups import SlottedFailure
from triage.formats.longrepr import parse_longrepr
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.text.pattern import pattern

_VERBS = [
    "read", "write", "parse", "load", "open", "resolve", "scale", "rotate", "merge", "fetch", "decode",
    "validate", "align", "project", "solve",
]  # fmt: skip
_NOUNS = [
    "table", "header", "image", "crystal", "detector", "beam", "mask", "vector", "tensor", "archive",
    "socket", "schema", "matrix", "orbit",
]  # fmt: skip
_TYPES = [
    "ValueError", "RuntimeError", "KeyError", "AssertionError", "TypeError", "OSError", "AttributeError",
    "IndexError",
]  # fmt: skip
_PHASES = (Phase.CALL, Phase.CALL, Phase.SETUP)
"""Most tests fail in the call."""
_MODULES, _TEST_FILES, _TEST_CLASSES = 97, 211, 7
"""Primes, so that causes with one module are spread over test files and classes."""
_NO_OUTPUT = Captured()


class Cause(NamedTuple):
    """One planted cause: everything about its failures but their accidents."""

    number: int
    type: str
    words: str
    frames: tuple[Frame, ...]
    phase: Phase


def causes(count: int, rng: random.Random) -> list[Cause]:
    """`count` different causes."""
    return [_cause(number, rng) for number in range(count)]


def _cause(number: int, rng: random.Random) -> Cause:
    verb, noun = rng.choice(_VERBS), rng.choice(_NOUNS)
    frame = Frame(
        path=f"product/{noun}/{verb}_{number % _MODULES}.py",
        lineno=rng.randint(1, 900),
        function=f"{verb}_{number}",
        code=f"return self.{verb}_{noun}_{number}(value)",
        origin="product",
    )
    other_noun = _NOUNS[number % len(_NOUNS)]
    words = f"cannot {verb} {noun} {other_noun} of kind {verb}{noun}_{number}"
    return Cause(number, rng.choice(_TYPES), words, (frame,), rng.choice(_PHASES))


def stream(count: int, *, seed: int = 1, kinds: int | None = None) -> Iterator[tuple[SlottedFailure, int]]:
    """`count` failures with the number of their cause; the weight of causes falls as 1/rank.

    Each message carries accidents: an address, a temporary path, numbers, a duration.
    """
    rng = random.Random(seed)
    if kinds is None:
        kinds = max(20, int(count**0.5 * 3))  # new causes get rarer as a campaign grows
    planted = causes(kinds, rng)
    weights = [1 / rank for rank in range(1, len(planted) + 1)]
    picked = rng.choices(planted, weights=weights, k=count)
    for index, cause in enumerate(picked):
        yield _failure(index, cause, rng), cause.number


def _failure(index: int, cause: Cause, rng: random.Random) -> SlottedFailure:
    file = f"tests/test_{cause.number % _TEST_FILES}.py"
    nodeid = f"{file}::TestPart{cause.number % _TEST_CLASSES}::test_case[{index}]"
    if cause.type == "AssertionError":
        error = rng.uniform(1, 9) * 10.0 ** (cause.number % 5 - 4)
        message = (
            f"{cause.words} is off\nassert {error:.6g} < 1e-05\n"
            f" +  where {error:.6g} = <built-in method item of Tensor object at {_address(rng)}>()"
        )
    else:
        message = _accidents(index, cause, rng)
    # `model_construct` skips validation, which would take longer than what is measured
    own = Frame.model_construct(
        path=file,
        lineno=index % 900,
        function="test_case",
        code="run(case)",
        origin="test",
    )
    raised = Raised.model_construct(
        type=cause.type, message=message, relation="raised", frames=(own, *cause.frames), notes=()
    )
    failure = Failure.model_construct(
        nodeid=nodeid, phase=cause.phase, chain=(raised,), longrepr=message, captured=_NO_OUTPUT,
        subtest=None, source="record",
    )  # fmt: skip
    return SlottedFailure((nodeid, 0), failure)


def _address(rng: random.Random) -> str:
    return f"0x{rng.getrandbits(44):012x}"


def _accidents(index: int, cause: Cause, rng: random.Random) -> str:
    return (
        f"{cause.words}: got {rng.random():.6f} after {rng.randint(1, 90_000)} ms at {_address(rng)}\n"
        f"see /tmp/pytest-of-ci/pytest-{rng.randint(0, 999)}/test_case0/out_{index}.json"
    )


class LabelledFailure(NamedTuple):
    """A failure of a real suite with the cause that people found."""

    failure: Failure
    label: str


def devset(folder: Path) -> dict[str, list[LabelledFailure]]:
    """The labelled failures of each run in the folder, runs in the order of their names."""
    found = {}
    for path in sorted(folder.glob("*.jsonl"), key=_run_of):
        lines = path.read_text(encoding="utf-8").splitlines()
        found[path.stem] = [_labelled(json.loads(line)) for line in lines]
    return found


def _run_of(path: Path) -> str:
    """The last part of `devset_20261123`: the run."""
    return path.stem.rpartition("_")[2]


def _labelled(row: dict[str, Any]) -> LabelledFailure:
    failure = Failure(
        nodeid=row["nodeid"],
        phase=Phase.CALL,
        chain=parse_longrepr(row["longrepr"], test_file=row["file"]),
        longrepr=row["longrepr"],
        captured=Captured(**_streams(row["captured"] or "")),
        source="junit" if row["source"] == "xml" else row["source"],
    )
    return LabelledFailure(failure, row["label_evidence"])


_HEADING = pattern(
    r"^ -+ [ ] Captured [ ] (stdout|stderr|log) [ ] \w+ [ ] -+ $",
    flags=re.MULTILINE,
    matches=["---- Captured stdout call ----"],
    rejects=["Captured stdout call", "---- Captured nothing call ----"],
)


def _streams(captured: str) -> dict[str, str]:
    """The captured text cut at pytest's headings, by stream; of several phases one behind the other."""
    _, *parts = _HEADING.split(captured)
    names, texts = parts[::2], parts[1::2]
    found: dict[str, str] = {}
    for name, text in zip(names, texts, strict=True):
        found[name] = found.get(name, "") + text
    return found
