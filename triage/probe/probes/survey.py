"""Run the test once under the usage meter, so that later probes ask only where there is something to ask."""

from __future__ import annotations

from triage.probe.api import Case, Finding, Steps, look
from triage.probe.probes.signal import names_a_gradient


def is_not_about_gradients(case: Case) -> bool:
    """Whether a test is flaky, or its failure does not speak of gradients: those are measured without it."""
    return case.flaky or not names_a_gradient(case)


class Survey:
    """Record what of the outside world the failing test touches."""

    name = "survey"

    def investigate(self, case: Case) -> Steps:
        """One look, no experiment: it excludes nothing."""
        alone = case.base if case.context == "alone" else case.base.plus(nodeids=(case.nodeid,))
        (seen,) = yield from look(alone.measuring("usage"), why="what the test uses", known_will_do=True)
        return Finding(facts={"usage": tuple(seen.lines("usage", "use"))})
