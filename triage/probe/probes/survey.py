"""`survey`: one run under the usage meter, so that later probes ask only where there is something to ask."""

from __future__ import annotations

from collections import Counter

from triage.probe.api import Case, Finding, Steps, look
from triage.probe.probes.signal import gradient_likelihood


class Survey:
    """What of the outside world the failing test touches."""

    name = "survey"

    def likelihood(self, case: Case) -> float:
        """Before all searches; gradients are looked at without it."""
        return 0.99 if gradient_likelihood(case) < 0.9 or case.flaky else 0.8

    def investigate(self, case: Case) -> Steps:
        """One look, no experiment."""
        alone = case.base if case.context == "alone" else case.base.plus(nodeids=(case.nodeid,))
        (seen,) = yield from look(alone.measuring("usage"), why="what the test uses")
        lines = tuple(seen.lines("usage", "use"))
        kinds = Counter(str(line.get("what")) for line in lines)
        used = ", ".join(sorted(kinds)) or "nothing of the outside world"
        return Finding(excluded=f"the test uses {used}", facts={"usage": lines})
