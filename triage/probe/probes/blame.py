"""`blame`: what is left when experiments rule out the surroundings: the code, by where it raised."""

from __future__ import annotations

from triage.model.experiment import RootCause
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.treatment import own_frames

_WORTH = 0.011
_SLIPS = ("NameError", "UnboundLocalError", "SyntaxError", "IndentationError")


class Blame:
    """Never more than likely: nothing was changed that made it pass."""

    name = "blame"

    def likelihood(self, case: Case) -> float:
        """Last of all, where no experiment names a cause."""
        named = any(isinstance(fact, Finding) and fact.cause is not None for fact in case.facts.values())
        return 0.0 if case.flaky or named else _WORTH

    def investigate(self, case: Case) -> Steps:
        """An error raised in the product is the product's; all else stays open."""
        yield from look()
        slip = _slip_of_the_test(case)
        if slip is not None:
            return Finding(cause=slip)
        frames = own_frames(case)
        innermost = next(iter(case.failure.chain[-1].frames[::-1]), None) if case.failure.chain else None
        origin = next(
            (
                f.origin
                for r in case.failure.chain
                for f in reversed(r.frames)
                if f.origin in ("product", "test")
            ),
            None,
        )
        if not frames or innermost is None or origin != "product":
            return Finding(
                excluded="it fails in the test's own code, steadily, whatever is changed around it"
            )
        place = f"{frames[0][0]}:{frames[0][1]}"
        raised = case.failure.exception
        summary = f"the product raises {raised} at {place}, steadily, whatever is changed around it"
        return Finding(
            cause=RootCause(kind="product-defect", summary=summary, culprits=(place,), confidence="likely")
        )


def _slip_of_the_test(case: Case) -> RootCause | None:
    """A test that asks for a fixture that nobody has, or uses a name that nobody defined."""
    failure = case.failure
    innermost = next(
        (f for r in failure.chain for f in reversed(r.frames) if f.origin in ("product", "test")), None
    )
    if "fixture '" in failure.longrepr and "not found" in failure.longrepr:
        summary = "the test asks for a fixture that does not exist"
        return RootCause(kind="test-defect", summary=summary, culprits=(case.nodeid,), confidence="likely")
    if failure.exception in _SLIPS and innermost is not None and innermost.origin == "test":
        place = f"{innermost.path}:{innermost.lineno}"
        summary = f"the test's own code raises {failure.exception}: {failure.message[:200]}"
        return RootCause(kind="test-defect", summary=summary, culprits=(place,), confidence="likely")
    return None
