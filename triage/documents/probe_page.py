"""Phase B as a page and as lines for a terminal: experiments with a sentence each, cause, next step."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model.experiment import ExperimentResult, Factor, ProbeReport, Tally

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#])")


def page(report: ProbeReport) -> str:
    """The markdown page of a probe."""
    return "\n".join(_page(report)) + "\n"


def lines(report: ProbeReport) -> list[str]:
    """The same for a terminal."""
    shown = [f"{report.cluster or ''} {report.subject[0]}".strip(), report.claim]
    if len(report.subject) > 1:
        shown.insert(1, f"and {len(report.subject) - 1} more tests of the cluster")
    rows = [("probe", "factor", "without", "with", "p", "verdict")]
    rows += [(*_row(result), result.status.value) for result in report.experiments]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    if len(rows) > 1:
        shown.append("")
        for row, result in zip(rows, (None, *report.experiments), strict=True):
            shown.append(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
            if result is not None:
                shown.append(f"    {result.sentence}")
    cause = report.root_cause
    shown += ["", f"cause: {cause.kind} ({cause.confidence})", cause.summary]
    shown += [f"culprit: {culprit}" for culprit in cause.culprits]
    shown += [f"excluded: {text}" for text in report.excluded]
    shown += [f"repair: {patch.title} ({patch.path})" for patch in report.patches]
    shown += [f"note: {note}" for note in report.notes]
    if report.next:
        shown.append(f"next: {report.next}")
    return shown


def spelled(factor: Factor | None) -> str:
    """A factor with its change, on one line."""
    if factor is None:
        return "-"
    return f"{factor.kind}:{factor.name} {_value(factor.from_)} -> {_value(factor.to)}"


def _page(report: ProbeReport) -> Iterator[str]:
    title = report.cluster or report.subject[0]
    yield f"# Phase B: {escaped(title)}"
    yield ""
    yield f"**STAMP:** {report.stamp} · **Runs:** {report.runs} · **Seconds:** {report.seconds:.1f}"
    yield ""
    yield from (f"- {escaped(nodeid)}" for nodeid in report.subject)
    yield ""
    yield escaped(report.claim)
    yield ""
    yield "## Cause"
    yield ""
    cause = report.root_cause
    yield f"**{cause.kind}** ({cause.confidence}). {escaped(cause.summary)}"
    yield ""
    if cause.factor is not None:
        yield f"- Factor: {escaped(spelled(cause.factor))}"
    yield from (f"- Culprit: {escaped(culprit)}" for culprit in cause.culprits)
    yield from (f"- Excluded: {escaped(text)}" for text in report.excluded)
    yield from (f"- Note: {escaped(note)}" for note in report.notes)
    yield ""
    yield from _experiments(report)
    yield from _patches(report)
    if report.next:
        yield f"Next: `{report.next}`"


def _experiments(report: ProbeReport) -> Iterator[str]:
    if not report.experiments:
        return
    yield "## Experiments"
    yield ""
    yield "| # | Probe | Factor | Failed without | Failed with | p | Verdict |"
    yield "| ---: | --- | --- | ---: | ---: | ---: | --- |"
    for number, result in enumerate(report.experiments, 1):
        cells = " | ".join(escaped(cell) for cell in _row(result))
        yield f"| {number} | {cells} | {result.status.value} |"
    yield ""
    for number, result in enumerate(report.experiments, 1):
        yield from _experiment(number, result)


def _experiment(number: int, result: ExperimentResult) -> Iterator[str]:
    yield f"### {number}. {escaped(result.probe)}: {escaped(spelled(result.factor))}"
    yield ""
    yield f"Predicted: {escaped(result.prediction)}"
    yield ""
    yield f"Found: {escaped(result.sentence)}"
    yield ""
    yield from _measured(result)
    if result.command:
        yield from fenced(result.command, "sh")


def _measured(result: ExperimentResult) -> Iterator[str]:
    arms = [
        (arm, seen) for arm, seen in result.measurements.items() if isinstance(seen, dict) and "loss" in seen
    ]
    if not arms:
        return
    names = list(dict.fromkeys(name for _, seen in arms for name in seen.get("gradients", {})))
    yield "| Measured | " + " | ".join(arm for arm, _ in arms) + " |"
    yield "| --- |" + " ---: |" * len(arms)
    yield "| loss | " + " | ".join(_value(seen.get("loss")) for _, seen in arms) + " |"
    for name in names:
        cells = " | ".join(escaped(_value(seen.get("gradients", {}).get(name))) for _, seen in arms)
        yield f"| gradient of {escaped(name)} | {cells} |"
    yield "| graph | " + " | ".join(str(seen.get("graph")) for _, seen in arms) + " |"
    yield ""


def _patches(report: ProbeReport) -> Iterator[str]:
    for patch in report.patches:
        yield f"## Repair: {escaped(patch.title)}"
        yield ""
        if patch.reason:
            yield escaped(patch.reason)
            yield ""
        yield from fenced(patch.diff, "diff")


def fenced(text: str, language: str = "") -> Iterator[str]:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield text.rstrip("\n")
    yield fence
    yield ""


def escaped(text: str) -> str:
    """Text that cannot act as markup, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _row(result: ExperimentResult) -> tuple[str, str, str, str, str]:
    p = "" if result.p_value is None else f"{result.p_value:.2g}"
    return result.probe, spelled(result.factor), _tally(result.baseline), _tally(result.treated), p


def _tally(tally: Tally) -> str:
    return f"{tally.failed}/{tally.runs}" if tally.runs else "-"


def _value(value: object) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
