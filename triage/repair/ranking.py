"""Which option is recommended: a rule, applied to what running the options gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RULE = (
    "An option is eligible if its patch applies, the subject passes in every run, its chunk shows no new "
    "failure, the repaired test notices the breaks that it must (the output cut from its graph, the cause "
    "planted again, what another option notices, what you planted), no assertion is lost, skipped or made "
    "unable to fail, and its gradients reach the floors, if any option's do. Among eligible options the one "
    "that changes fewest assertions wins, then the one that reads fewest data files, then fewest files "
    "changed, then fewest lines, then the shortest time."
)


def against(option: dict[str, Any]) -> list[str]:
    """Why an option is not eligible; empty where it is."""
    if not option["applies"]:
        return [f"the patch does not apply: {option['why_not']}"]
    found = []
    if option["passed"] < option["runs"]:
        found.append("the subject does not pass in every run")
    if option["chunk"] and option["chunk"]["new_failures"]:
        found.append("its chunk shows new failures")
    if option["chunk"] and option["chunk"]["unanswered"]:
        found.append("tests of its chunk have no answer")
    missed = [broken["name"] for broken in option["breaks"] if broken["required"] and not broken["caught"]]
    if missed:
        found.append(f"the repaired test does not notice a planted break: {', '.join(missed)}")
    wrong = [broken for broken in option["breaks"] if broken["name"].startswith("wrong:")]
    if wrong and not any(broken["caught"] for broken in wrong):
        found.append("the repaired test notices no wrong result of what it calls")
    if option["cut_off"]:
        found.append(f"still without a gradient: {', '.join(option['cut_off'])}")
    if option["strength"]["after"] < option["strength"]["before"]:
        found.append("it removes assertions")
    if option["strength"]["tautologies"]:
        found.append("it asserts what cannot fail")
    if option["strength"]["skips"]:
        found.append("it skips or expects the failure instead of repairing it")
    return found


def require_breaks(options: Sequence[dict[str, Any]], cause: str, cut_off: Sequence[str]) -> None:
    """Mark the breaks that each repaired test must notice.

    The differentiated output cut from its graph, always; a zero signal where that was the cause; the leaves
    that were cut off where that was the cause; the user's own; and whatever another option notices.
    """
    must = {"output", *(["zero"] if cause == "zero-signal" else []), *(f"leaf:{name}" for name in cut_off)}
    noticed = {broken["name"] for option in options for broken in option["breaks"] if broken["caught"]}
    for option in options:
        for broken in option["breaks"]:
            own = broken["calls"] is None
            broken["required"] = own or broken["name"] in must or broken["name"] in noticed
        option["cut_off"] = sorted(set(option["unreached"]) & set(cut_off))


def below_floors(option: dict[str, Any]) -> list[str]:
    """A signal far weaker than the control's, where another option reaches it."""
    if not option["below"]:
        return []
    return [f"gradients are below the floors that another option reaches: {', '.join(option['below'])}"]


def rank(options: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Eligible options, the recommended one first."""
    eligible = [option for option in options if option["eligible"]]
    return sorted(eligible, key=_cost)


def _cost(option: dict[str, Any]) -> tuple[int, int, int, int, float, str]:
    lines = option["added"] + option["removed"]
    suspicious = option["strength"]["changed"] + option["strength"]["swallows"]
    return (
        suspicious,
        len(option["new_reads"]),
        len(option["files"]),
        lines,
        option["seconds"] or 0.0,
        option["letter"],
    )


def pros(option: dict[str, Any], others: Sequence[dict[str, Any]]) -> list[str]:
    """What the runs say for an option, beside the others."""
    found = []
    if option["passed"] == option["runs"]:
        found.append("the subject passes in every run")
    if option["breaks"] and all(broken["caught"] for broken in option["breaks"]):
        found.append("the repaired test still notices every planted break")
    if option["chunk"] and not option["chunk"]["new_failures"]:
        found.append("nothing else in its chunk fails newly")
    if {file["kind"] for file in option["files"]} == {"test"}:
        found.append("no product code changes")
    if others and all(_lines(option) < _lines(other) for other in others):
        found.append("the smallest change of all options")
    if others and all(_time(option) < _time(other) for other in others):
        found.append("the fastest of all options")
    if not option["new_reads"]:
        found.append("depends on no further file")
    if option["agrees_with_control"]:
        found.append("loss and gradients are those of the control case of phase B")
    return found


def cons(option: dict[str, Any], others: Sequence[dict[str, Any]]) -> list[str]:
    """What the runs say against an option, beside the others."""
    found = list(option["against"])
    if option["new_reads"]:
        found.append(f"depends on a file that may be missing or moved: {', '.join(option['new_reads'])}")
    if option["strength"]["changed"]:
        found.append("changes what the test asserts: read those lines")
    if option["strength"]["swallows"]:
        found.append("adds a handler that may swallow a failure: read those lines")
    if any(file["kind"] == "product" for file in option["files"]):
        found.append("changes product code, so the whole suite must answer")
    if others and all(_lines(option) > _lines(other) for other in others):
        found.append("the largest change of all options")
    if others and all(_time(option) > _time(other) for other in others):
        found.append("the slowest of all options")
    missed = [
        broken["name"] for broken in option["breaks"] if not broken["required"] and not broken["caught"]
    ]
    if missed:
        found.append(f"the repaired test would not notice: {', '.join(missed)}")
    if not option["breaks"] and option["applies"]:
        found.append("no break could be planted to see whether the test still notices one")
    return found


def _lines(option: dict[str, Any]) -> int:
    return int(option["added"] + option["removed"])


def _time(option: dict[str, Any]) -> float:
    return float(option["seconds"] or 0.0)
