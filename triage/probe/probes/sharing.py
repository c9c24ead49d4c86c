"""Find an object that calls share by accident: one call of a test changes it, and a later one finds that."""

from __future__ import annotations

from triage.lab.lost_lines import executed_lines
from triage.model.experiment import Factor
from triage.model.failure import is_test
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits.statements import patch_of
from triage.probe.shared_by_calls import SharedObject, shared_objects
from triage.probe.treatment import Treatment, settle
from triage.text.pattern import pattern

_MOST_FILES = 400
"""Files of a suite that are read; reading more takes longer than the experiment that it may save."""
_MOST_OBJECTS = 8
"""Objects that are tried, each with one run."""
_MAKES_ONE = pattern(
    r"= \s* (?: [\[{] | (?: list | dict | set | defaultdict | OrderedDict | Counter | deque ) \( )",
    matches=["def f(x=[]):", "items = {}", "seen: set[str] = set()", "by = defaultdict(list)"],
    rejects=["x == y", "n = 1", "if a <= b:", "x = listing()"],
)
"""A default, an attribute or a constant that something can be put into."""


def may_share(case: Case) -> bool:
    """Whether a steady failure of a single test has a product in which something mutable is kept."""
    if case.flaky or case.context != "alone":
        return False
    product = [path for path in case.files if path.endswith(".py") and not is_test(path)]
    return any(_MAKES_ONE.search(case.source(path) or "") for path in product[:_MOST_FILES])


class Sharing:
    """Undo the sharing of each object whose shape is that of a slip, one at a time."""

    name = "sharing"

    def investigate(self, case: Case) -> Steps:
        """The lines that the test runs say which objects it meets; that run was made by others before."""
        (seen,) = yield from look(
            case.base.measuring("usage", "lines"), why="which lines it runs", known_will_do=True
        )
        found = list(shared_objects(case, executed_lines(seen, case.nodeid)))[:_MOST_OBJECTS]
        if not found:
            return Finding()
        treatments = [_without_sharing(case, each) for each in found]
        finding = yield from settle(self.name, case, treatments, "nothing is shared")
        if finding is not None:
            return finding
        names = " nor ".join(each.name for each in found)
        return Finding(excluded=f"neither {names} is changed by one call and found by another")


def _without_sharing(case: Case, shared: SharedObject) -> Treatment:
    title = f"{shared.name} {shared.unshared}"
    patch = patch_of(shared.path, case.source(shared.path), shared.text, title, shared.slip)
    return Treatment(
        factor=Factor(kind="sharing", name=shared.name, from_="shared", to=shared.unshared),
        kind="product-defect",
        baseline=case.base,
        treated=case.base.plus(edits={shared.path: shared.text}),
        prediction=f"With {title} the test passes: what one call leaves there breaks the next.",
        summary=f"{shared.slip} ({shared.place})",
        culprits=(shared.place,),
        patches=(patch,),
        sure=shared.looks_like_a_slip,
    )
