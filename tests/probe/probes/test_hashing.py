"""A test that fails under nearly every hash seed, each time with other words: asked of a world of orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.lab.protocol import Setup
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome
from triage.probe.api import Finding
from triage.probe.claim import examined
from triage.probe.probes.blame import SAYS_OTHER
from triage.probe.probes.hashing import Hashing
from triage.probe.registry import RankedProbe
from triage.testing.probes import case_of, drive, seen

T = "tests/test_a.py::test_it"
PRODUCT = "def names(people):\n    return list({one.name for one in people})\n"
LOOP = "def names(people):\n    total = 0\n    for one in set(people):\n        total = total * 2 + one\n"


class Examined(Hashing):
    """The probe, its finding examined as the schedule does it."""

    def investigate(self, case):
        finding = yield from super().investigate(case)
        return (yield from examined(case, finding))


def failure(message):
    return Failure(
        nodeid=T, phase="call", chain=(Raised(type="AssertionError", message=message),), longrepr=""
    )


def world_of(passing=(), *, mended_by="sorted(", line=2, message=lambda seed: f"order {seed}"):
    """Runs one line; fails with another message under each hash seed, and passes where an edit mends it."""

    def world(setup):
        seed = setup.env.get("PYTHONHASHSEED") or "99"
        mended = any(mended_by in (text or "") for text in setup.edits.values())
        passes = mended or seed in passing
        lines = {"event": "executed", "nodeid": T, "detail": "lines", "files": ["app.py"],
                 "lines": [[0, line]]}  # fmt: skip
        run = seen(T, Outcome.PASSED if passes else Outcome.FAILED, measured={"lines": (lines,)})
        return run if passes else run.model_copy(update={"failures": {T: failure(message(seed))}})

    return world


def found(world, product):
    files = {"app.py": product, "tests/test_a.py": "def test_it():\n    assert names(x) == ['a']\n"}
    case = case_of(T, world, Setup(nodeids=(T,)), source=files.get, files=tuple(files))
    case = replace(case, facts={"blame": Finding(facts={SAYS_OTHER: True})})
    assert RankedProbe(Hashing).likelihood(case) == pytest.approx(0.0105, abs=1e-3)
    return drive(Examined(), case, world).finding


def test_the_line_that_takes_the_order_of_a_set_is_proven():
    finding = found(world_of(), PRODUCT)
    cause = finding.cause
    assert (cause.kind, cause.claim, cause.confidence) == ("seed", "cause", "proven")
    assert cause.culprits == ("app.py:2", "PYTHONHASHSEED")
    assert "list(sorted({" in finding.patches[0].after


def test_a_loop_that_is_wrong_in_some_orders_is_a_condition():
    cause = found(world_of(line=3), LOOP).cause
    assert (cause.claim, cause.confidence, cause.culprits[0]) == ("condition", "likely", "app.py:3")


def test_without_such_a_line_a_seed_that_passes_is_a_condition():
    cause = found(world_of(passing=("5",), mended_by="nothing"), PRODUCT).cause
    assert (cause.claim, cause.culprits[0]) == ("condition", "PYTHONHASHSEED")
    assert "relies on the order of a set" in cause.summary


def test_without_a_seed_that_passes_it_is_likely():
    cause = found(world_of(mended_by="nothing"), PRODUCT).cause
    assert (cause.kind, cause.confidence, cause.claim) == ("seed", "likely", None)


def test_a_message_that_does_not_follow_the_seed_is_excluded():
    numbers = iter(range(1000))
    finding = found(world_of(message=lambda seed: f"at {next(numbers)}"), PRODUCT)
    assert finding.cause is None
    assert "does not follow the hash seed" in finding.excluded
