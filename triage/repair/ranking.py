"""Which option is recommended: a rule, applied to what running the options gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from triage.lab.measurements import magnitude
from triage.model.criterion import Bound
from triage.model.experiment import Claim
from triage.repair.document import Option, PlantedBreak

RULE = (
    "An option is eligible if its patch applies, the subject passes in every run, its chunk shows no new "
    "failure, the repaired test notices the breaks that it must (the output cut from its graph, the cause "
    "planted again, what another option notices, what you planted), no assertion is lost, skipped or made "
    "unable to fail, no product code that ran before is kept from running, and its gradients reach the "
    "floors, if any option's do. Among eligible options one that gives slack or time to the symptom comes "
    "last, and where the product is at fault one that changes the product first; one that makes its chunk "
    "much slower stands behind one that does not, one behind which tests go on leaking behind one that ends "
    "the leak; then the one that changes fewest assertions wins, then the one that reads fewest data files, "
    "then fewest files changed, then fewest new files, then fewest lines, then the shortest time."
)
_UNDECIDED = "settles on what the test depends; whether that or the code behind it is wrong is not decided"
_MOST_NAMED = 5
"""Newly failing tests that are named in a reason: all are in the document."""
WRONG_RESULT = "wrong:"
"""Prefix of the breaks that make a called function return something else."""


def compare(
    options: Sequence[Option],
    *,
    cause: str,
    cut_off: Sequence[str],
    floors: Sequence[Bound],
    at_fault: Literal["product", "test"] | None = None,
    claim: Claim | None = None,
) -> tuple[Option, ...]:
    """The same options in the same order, each with its verdict, pros, cons and rank.

    `cause` is the kind of the root cause, `cut_off` the leaves without a gradient in the tree as it is,
    `floors` what the gradients should reach, `at_fault` whose code an experiment has shown to be wrong,
    `claim` what the deciding experiment shows.
    """
    judged = require_breaks(options, cause, cut_off)
    judged = [option.having(below=_below(option, floors)) for option in judged]
    is_blind = any(_shows_blind_test(option) for option in judged)
    judged = [option.having(against=against(option, test_is_blind=is_blind)) for option in judged]
    if any(not option.against and not option.below for option in judged):
        judged = [option.having(against=(*option.against, *_too_weak(option))) for option in judged]
    judged = [option.having(eligible=not option.against) for option in judged]
    judged = [_described(option, judged, at_fault) for option in judged]
    if claim == "condition":
        judged = [_with_open_question(option) for option in judged]
    order = [option.letter for option in rank(judged, at_fault)]
    ranks = {letter: place for place, letter in enumerate(order, 1)}
    return tuple(option.having(rank=ranks.get(option.letter)) for option in judged)


def require_breaks(options: Sequence[Option], cause: str, cut_off: Sequence[str]) -> list[Option]:
    """Mark the breaks that each repaired test must notice.

    The differentiated output cut from its graph, always; a zero signal where that was the cause; the leaves
    that were cut off where that was the cause; the user's own; and whatever another option notices.
    """
    required = {"output", *(f"leaf:{name}" for name in cut_off)}
    if cause == "zero-signal":
        required.add("zero")
    required |= {broken.name for option in options for broken in option.breaks if broken.caught}

    def marked(broken: PlantedBreak) -> PlantedBreak:
        own = broken.calls is None
        return broken.model_copy(update={"required": own or broken.name in required})

    return [
        option.having(
            breaks=tuple(marked(broken) for broken in option.breaks),
            cut_off=tuple(sorted(set(option.unreached) & set(cut_off))),
        )
        for option in options
    ]


def _shows_blind_test(option: Option) -> bool:
    """Whether the test as it stands notices no wrong result: this option changes the product alone."""
    changes_product_alone = {file.kind for file in option.files} == {"product"}
    return option.applies and changes_product_alone and _notices_no_wrong_result(option)


def _notices_no_wrong_result(option: Option) -> bool:
    wrong_results = [broken for broken in option.breaks if broken.name.startswith(WRONG_RESULT)]
    return bool(wrong_results) and not any(broken.caught for broken in wrong_results)


def against(option: Option, *, test_is_blind: bool = False) -> tuple[str, ...]:
    """Why an option is not eligible, apart from floors; empty where it is.

    A test that is blind to what its calls return was so before any repair: that counts against none.
    """
    if not option.applies:
        return (f"the patch does not apply: {option.why_not}",)
    found = []
    if option.passed < option.runs:
        found.append("the subject does not pass in every run")
    if option.chunk is not None and option.chunk.new_failures:
        found.append(f"its chunk shows new failures: {', '.join(option.chunk.new_failures[:_MOST_NAMED])}")
    if option.chunk is not None and option.chunk.unanswered:
        found.append("tests of its chunk did not run")
    missed = [broken.name for broken in option.breaks if broken.required and not broken.caught]
    if missed:
        found.append(f"the repaired test does not notice a planted break: {', '.join(missed)}")
    if not test_is_blind and _notices_no_wrong_result(option):
        found.append("the repaired test notices no wrong result of what it calls")
    if option.no_longer_run:
        found.append(f"it only avoids the failure: {', '.join(option.no_longer_run)} no longer run")
    if option.cut_off:
        found.append(f"still without a gradient: {', '.join(option.cut_off)}")
    if option.strength.after < option.strength.before:
        found.append("it removes assertions")
    if option.strength.tautologies:
        found.append("it asserts what cannot fail")
    if option.strength.skips:
        found.append("it skips or expects the failure instead of repairing it")
    return tuple(found)


def rank(options: Iterable[Option], at_fault: Literal["product", "test"] | None = None) -> list[Option]:
    """Eligible options, the recommended one first."""
    eligible = [option for option in options if option.eligible]
    return sorted(eligible, key=lambda option: _cost(option, at_fault))


def _cost(
    option: Option, at_fault: Literal["product", "test"] | None
) -> tuple[bool, bool, bool, bool, int, int, int, int, int, float, str]:
    suspicious = option.strength.changed + option.strength.swallows
    beside_the_fault = at_fault == "product" and not _changes_product(option)
    return (
        option.strength.treats_symptom,
        beside_the_fault,
        option.chunk is not None and option.chunk.slowed is not None,
        bool(option.leaves),
        suspicious,
        len(option.new_reads),
        len(option.files),
        sum(file.is_new for file in option.files),
        _lines(option),
        _seconds(option),
        option.letter,
    )


def _below(option: Option, floors: Iterable[Bound]) -> tuple[str, ...]:
    """Gradients that do not reach their floor; none where nothing was differentiated."""
    if not option.gradients:
        return ()
    sizes = {name: magnitude(value) for name, value in option.gradients.items()}
    return tuple(floor.quantity for floor in floors if not floor.holds(sizes.get(floor.quantity)))


def _too_weak(option: Option) -> list[str]:
    """A signal far weaker than the control's, where another option reaches it."""
    if not option.below:
        return []
    return [f"gradients are below the floors that another option reaches: {', '.join(option.below)}"]


def _changes_product(option: Option) -> bool:
    return any(file.kind == "product" for file in option.files)


def _described(
    option: Option, options: Sequence[Option], at_fault: Literal["product", "test"] | None
) -> Option:
    """The option with what the runs say for and against it, beside the others that apply."""
    others = [other for other in options if other.letter != option.letter and other.applies]
    return option.having(
        pros=tuple(_pros(option, others, at_fault)) if option.applies else (),
        cons=tuple(_cons(option, others)),
    )


def _with_open_question(option: Option) -> Option:
    """The option with a warning, where it only settles the value on which the test depends."""
    if not option.applies or _changes_product(option):
        return option
    return option.having(cons=(*option.cons, _UNDECIDED))


def _pros(option: Option, others: Sequence[Option], at_fault: Literal["product", "test"] | None) -> list[str]:
    found = []
    if option.passed == option.runs:
        found.append("the subject passes in every run")
    if option.breaks and all(broken.caught for broken in option.breaks):
        found.append("the repaired test still notices every planted break")
    if option.chunk is not None and not option.chunk.new_failures:
        found.append("nothing else in its chunk fails newly")
    if {file.kind for file in option.files} == {"test"} and at_fault != "product":
        found.append("no product code changes")
    if at_fault == "product" and _changes_product(option):
        found.append("mends the product, which the experiments show to be at fault")
    if others and all(_lines(option) < _lines(other) for other in others):
        found.append("the smallest change of all options")
    if others and all(_seconds(option) < _seconds(other) for other in others):
        found.append("the fastest of all options")
    if not option.new_reads:
        found.append("depends on no further file")
    if option.agrees_with_control:
        found.append("loss and gradients are those of the control case of phase B")
    return found


def _cons(option: Option, others: Sequence[Option]) -> list[str]:
    found = list(option.against)
    if option.leaves:
        found.append(option.leaves)
    if option.chunk is not None and option.chunk.slowed is not None:
        without, with_it = option.chunk.slowed
        found.append(
            f"slows {option.chunk.name}: its tests take {with_it:.1f} s, and {without:.1f} s without"
        )
    if option.new_reads:
        found.append(f"depends on a file that may be missing or moved: {', '.join(option.new_reads)}")
    if option.strength.changed:
        found.append("changes what the test asserts: read those lines")
    if option.strength.treats_symptom:
        found.append("gives slack or time to the symptom: what makes it fail stays as it is")
    if option.strength.swallows:
        found.append("adds a handler that may swallow a failure: read those lines")
    if _changes_product(option):
        found.append("changes product code, so the whole suite must answer")
    if option.chunk is not None and option.chunk.excused:
        found.append(f"not held against it: {'; '.join(option.chunk.excused)}")
    if others and all(_lines(option) > _lines(other) for other in others):
        found.append("the largest change of all options")
    if others and all(_seconds(option) > _seconds(other) for other in others):
        found.append("the slowest of all options")
    missed = [broken.name for broken in option.breaks if not broken.required and not broken.caught]
    if missed:
        found.append(f"the repaired test would not notice: {', '.join(missed)}")
    if option.applies and not option.breaks:
        found.append("no break could be planted to see whether the test still notices one")
    return found


def _lines(option: Option) -> int:
    return option.added + option.removed


def _seconds(option: Option) -> float:
    return option.seconds or 0.0
