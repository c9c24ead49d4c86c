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

_VERBS = [
    "read",
    "write",
    "parse",
    "load",
    "open",
    "resolve",
    "scale",
    "rotate",
    "merge",
    "fetch",
    "decode",
    "validate",
    "align",
    "project",
    "solve",
]
_NOUNS = [
    "table",
    "header",
    "image",
    "crystal",
    "detector",
    "beam",
    "mask",
    "vector",
    "tensor",
    "archive",
    "socket",
    "schema",
    "matrix",
    "orbit",
]
_TYPES = [
    "ValueError",
    "RuntimeError",
    "KeyError",
    "AssertionError",
    "TypeError",
    "OSError",
    "AttributeError",
    "IndexError",
]
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
    module = f"product/{noun}/{verb}_{number % 97}.py"
    code = f"return self.{verb}_{noun}_{number}(value)"
    frames = (
        Frame(
            path=module, lineno=rng.randint(1, 900), function=f"{verb}_{number}", code=code, origin="product"
        ),
    )
    words = f"cannot {verb} {noun} {_NOUNS[number % len(_NOUNS)]} of kind {verb}{noun}_{number}"
    return Cause(number, rng.choice(_TYPES), words, frames, rng.choice((Phase.CALL, Phase.CALL, Phase.SETUP)))


def stream(count: int, *, seed: int = 1, kinds: int | None = None) -> Iterator[tuple[SlottedFailure, int]]:
    """`count` failures with the number of their cause; the weight of causes falls as 1/rank.

    Each message carries accidents: an address, a temporary path, numbers, a duration.
    """
    rng = random.Random(seed)
    planted = causes(kinds or max(20, int(count**0.5 * 3)), rng)
    weights = [1 / rank for rank in range(1, len(planted) + 1)]
    picked = rng.choices(planted, weights=weights, k=count)
    for index, cause in enumerate(picked):
        yield _failure(index, cause, rng), cause.number


def _failure(index: int, cause: Cause, rng: random.Random) -> SlottedFailure:
    nodeid = f"tests/test_{cause.number % 211}.py::TestPart{cause.number % 7}::test_case[{index}]"
    if cause.type == "AssertionError":
        error = rng.uniform(1, 9) * 10.0 ** (cause.number % 5 - 4)
        message = (
            f"{cause.words} is off\nassert {error:.6g} < 1e-05\n"
            f" +  where {error:.6g} = <built-in method item of Tensor object at {_address(rng)}>()"
        )
    else:
        message = _accidents(index, cause, rng)
    own = Frame.model_construct(
        path=nodeid.partition("::")[0],
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


class Labelled(NamedTuple):
    """A failure of a real suite with the cause that people found."""

    failure: Failure
    label: str


def devset(folder: Path) -> dict[str, list[Labelled]]:
    """The labelled failures of each run in the folder, runs in the order of their names."""
    return {
        path.stem: [_labelled(json.loads(line)) for line in path.read_text().splitlines()]
        for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.stem.rpartition("_")[2])
    }


def _labelled(row: dict[str, Any]) -> Labelled:
    failure = Failure(
        nodeid=row["nodeid"],
        phase=Phase.CALL,
        chain=parse_longrepr(row["longrepr"], test_file=row["file"]),
        longrepr=row["longrepr"],
        captured=Captured(**_streams(row["captured"] or "")),
        source="junit" if row["source"] == "xml" else row["source"],
    )
    return Labelled(failure, row["label_evidence"])


def _streams(captured: str) -> dict[str, str]:
    """The captured text cut at pytest's headings."""
    found: dict[str, str] = {}
    parts = re.split(r"^-+ Captured (stdout|stderr|log) \w+ -+$", captured, flags=re.MULTILINE)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        found[name] = found.get(name, "") + text
    return found
