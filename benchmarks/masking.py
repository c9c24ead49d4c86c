"""What each kind of volatile part earns: pairwise F1 of signatures with and without it.

Generated failures: messages of 40 shapes, each printed several times with other volatile parts, and pairs
that differ in what tells causes apart. Real ones: the labelled failures beside the checkout, where they are.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch
from zlib import crc32

from benchmarks.clustering import DEVSET
from benchmarks.clustering_data import LabelledFailure, devset
from benchmarks.clustering_score import Score
from tests.signature.volatile_messages import TELLING, VOLATILE
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature import masking, wording
from triage.signature.api import compute_signatures
from triage.signature.volatile_kinds import FREQUENT_KINDS, RARE_KINDS, scanner

_PRINTED = 6
"""Times that each generated message is printed."""
_WORDS = ("lost {} while reading", "no reply: {}", "{} is off")
_CACHED = (masking.masked, wording.says_something, wording.names_its_cause)


def main() -> None:
    """Print a row for each kind and step."""
    runs = [*devset(DEVSET).values()] if DEVSET.is_dir() else []
    made = [generated()]
    print(f"{'left out':<14} {'generated F1':>12} {'real F1':>8}")
    print(f"{'nothing':<14} {_f1(made):>12.4f} {_f1(runs):>8.4f}")
    for kind in (*FREQUENT_KINDS, *RARE_KINDS):
        with _without_kind(kind.name):
            print(f"{kind.name:<14} {_f1(made):>12.4f} {_f1(runs):>8.4f}")
    for step in ("in_one_order", "without_counts"):
        with patch.object(masking, step, lambda text: text), _uncached():
            print(f"{step:<14} {_f1(made):>12.4f} {_f1(runs):>8.4f}")


def generated(seed: int = 1) -> list[LabelledFailure]:
    """Failures labelled by their message without its volatile parts."""
    chance = random.Random(seed)
    found = []
    for name, print_one in sorted(VOLATILE.items()):
        for words in _WORDS:
            label = f"{name}: {words}"
            for _ in range(_PRINTED):
                found.append(LabelledFailure(_failing(label, words.format(print_one(chance))), label))
    for pair in TELLING:
        for telling in pair:
            failure = _failing(str(pair), f"the table has {telling} in it")
            found += [LabelledFailure(failure, f"{pair}: {telling}")] * _PRINTED
    return found


def _failing(file: str, message: str) -> Failure:
    """A failure in a file of its own: within it the message alone can tell failures apart."""
    path = f"tests/test_{crc32(file.encode()):08x}.py"
    own = Frame(path=path, lineno=3, function="test_a", code="check()", origin="test")
    raised = Raised(type="OrbitError", message=message, frames=(own,))
    return Failure(nodeid=f"{path}::test_a", phase=Phase.CALL, chain=(raised,))


def _f1(runs: Sequence[Sequence[LabelledFailure]]) -> float:
    score = Score()
    for rows in runs:
        found: list[Hashable] = [compute_signatures(row.failure)[0].id for row in rows]
        score.add(found, [row.label for row in rows])
    return score.f1


@contextmanager
def _without_kind(name: str) -> Iterator[None]:
    left = scanner(
        tuple(kind for kind in FREQUENT_KINDS if kind.name != name),
        tuple(kind for kind in RARE_KINDS if kind.name != name),
    )
    with patch.object(masking, "_SCANNER", left), _uncached():
        yield


@contextmanager
def _uncached() -> Iterator[None]:
    for cached in _CACHED:
        cached.cache_clear()
    yield
    for cached in _CACHED:
        cached.cache_clear()


if __name__ == "__main__":
    main()
