"""Ways to tamper with a recorded run and a committed campaign, each as thorough as is still found."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from tests.campaign.forgery import (
    JOURNAL,
    Change,
    append,
    both,
    create,
    document,
    forge,
    lines,
    one,
    text,
    without,
)
from tests.fixtures.probed_project import SUBJECT
from triage.model.cluster import ClusterStatus
from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    CriterionMet,
    FlakySeen,
    MembersAdded,
    StatusChanged,
)

A, B, C, D = (f"reports/*/phase_{letter}/*" for letter in "abcd")
OTHER = "tests/test_calc.py::test_count"


class Depth(Enum):
    """How thorough the forger is."""

    EDITED = "files are edited"
    SEALED = "and their folder is sealed again"
    REWRITTEN = "and the journal is written anew as a sound chain that names the new seals"
    RENDERED = "and the run's documents are rendered from the edited files"


EDITED, SEALED, REWRITTEN, RENDERED = Depth


class Tampering(NamedTuple):
    name: str
    change: Change
    depth: Depth


def remove(pattern: str) -> Change:
    def change(root: Path) -> None:
        path = one(root, pattern)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def rename(pattern: str, name: str) -> Change:
    return lambda root: one(root, pattern).rename(one(root, pattern).with_name(name)) and None


def swap(first: str, second: str) -> Change:
    def change(root: Path) -> None:
        one_file, other = one(root, first), one(root, second)
        content = one_file.read_bytes(), other.read_bytes()
        one_file.write_bytes(content[1])
        other.write_bytes(content[0])
        assert content[0] != content[1]

    return change


def swap_red_and_green_run(root: Path) -> None:
    """Two runs that fared differently; which numbers they have depends on which ended first."""
    folder = one(root, f"{B}/runs/0001").parent
    logs = sorted(folder.glob("*/events.jsonl"))
    red = [path for path in logs if b'"outcome":"failed"' in path.read_bytes()]
    green = [path for path in logs if path not in red]
    runs = [path.relative_to(root).as_posix() for path in (red[0], green[0])]
    swap(*runs)(root)


def set_row(rows: str, index: int, **fields: Any) -> Callable[[Any], None]:
    return lambda value: value[rows][index].update(fields)


def without_test(nodeid: str) -> Change:
    """A test taken out of results, plan, preflight and events; reports and commands still name it."""

    def events(found: list[str]) -> list[str]:
        kept = []
        for line in found:
            event = json.loads(line)
            if event["e"] == "collected" and nodeid in event["ids"]:
                index = event["ids"].index(nodeid)
                event["ids"][index] = event["ids"][index - 1]
            kept.append(json.dumps(event) + "\n")
        return kept

    def from_chunks(value: Any) -> None:
        for chunk in value["chunks"]:
            chunk["nodeids"] = [each for each in chunk["nodeids"] if each != nodeid]

    def from_record(value: Any) -> None:
        value["results"] = [row for row in value["results"] if row["nodeid"] != nodeid]
        from_chunks(value["plan"])

    return both(
        document(f"{A}/results.json", from_record),
        document(f"{A}/plan.json", from_chunks),
        document(f"{A}/preflight.json", lambda value: value["nodeids"].remove(nodeid)),
        lines(f"{A}/events.jsonl", events),
        document(f"{A}/failures.json", _drop_failures(nodeid)),
        remove(f"{A}/reruns"),
    )


def _drop_failures(nodeid: str) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        value["failures"] = [row for row in value["failures"] if row["nodeid"] != nodeid]

    return edit


def flip(nodeid: str, old: str, new: str) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        row = next(row for row in value["results"] if row["nodeid"] == nodeid)
        assert row["outcome"] == old
        row.update(outcome=new, failures=[], reruns=None)

    return edit


def journal_line(index: int, edit: Callable[[str], str]) -> Change:
    def changed(found: list[str]) -> list[str]:
        found[index] = edit(found[index])
        return found

    return lines(JOURNAL, changed)


def field(name: str, value: Any) -> Callable[[str], str]:
    return lambda line: json.dumps(json.loads(line) | {name: value}) + "\n"


def reordered(line: str) -> str:
    return json.dumps(dict(reversed(json.loads(line).items())), separators=(",", ":")) + "\n"


def other_templates(name: str, old: str, new: str) -> Change:
    """Words changed, and the templates called others, so that the document is not rendered again."""

    def change(root: Path) -> None:
        text(f"{A}/{name}", old, new)(root)
        sha256 = hashlib.sha256(one(root, f"{A}/{name}").read_bytes()).hexdigest()
        claims = document(
            f"{A}/{name}.claims.json",
            lambda value: value.update(sha256=sha256, templates_sha256="0" * 64),
        )
        claims(root)

    return change


def region(path: str, old: str, new: str) -> Change:
    """A view edited inside of its markers, with the hash that its text then has."""

    def change(root: Path) -> None:
        text(path, old, new)(root)
        file = one(root, path)

        def with_hash(found: re.Match[str]) -> str:
            sha = hashlib.sha256(found[3].encode()).hexdigest()[:16]
            return f"{found[1]}sha={sha}{found[2]}{found[3]}{found[4]}"

        pattern = r"(<!-- triage:begin \S+ )sha=[0-9a-f]+( -->\n)(.*?)(<!-- triage:end)"
        file.write_text(re.sub(pattern, with_hash, file.read_text(), flags=re.DOTALL))

    return change


PROBE = "reports/sums/phase_b/20260101T000100Z/probe.json"
RECORDED = [
    Tampering(
        "a red test called green", document(f"{A}/results.json", flip(SUBJECT, "failed", "passed")), RENDERED
    ),
    Tampering(
        "a green test called red", document(f"{A}/results.json", flip(OTHER, "passed", "error")), RENDERED
    ),
    Tampering("a test taken out everywhere but in reports and commands", without_test(SUBJECT), RENDERED),
    Tampering("a green test taken out likewise", without_test(OTHER), RENDERED),
    Tampering(
        "a test taken out of results and plan",
        both(
            document(
                f"{A}/results.json", lambda v: (v["results"].pop(1), v["plan"]["chunks"][0]["nodeids"].pop(1))
            ),
            document(f"{A}/plan.json", lambda v: v["chunks"][0]["nodeids"].pop(1)),
        ),
        RENDERED,
    ),
    Tampering(
        "an outcome in the event log",
        text(f"{A}/events.jsonl", '"outcome":"failed"', '"outcome":"passed"'),
        RENDERED,
    ),
    Tampering(
        "events of a test taken out",
        lines(f"{A}/events.jsonl", lambda found: [line for line in found if '"finish"' not in line]),
        RENDERED,
    ),
    Tampering("an event log cut short", lines(f"{A}/events.jsonl", lambda found: found[:4]), RENDERED),
    Tampering("the event log removed", remove(f"{A}/events.jsonl"), SEALED),
    Tampering(
        "a chunk's report",
        text(f"{A}/chunks/*/report.json", '"outcome": "failed"', '"outcome": "passed"'),
        RENDERED,
    ),
    Tampering(
        "a failure's message",
        document(f"{A}/failures.json", lambda v: v["failures"][0]["chain"][0].update(message="all is well")),
        RENDERED,
    ),
    Tampering("a failure taken out", document(f"{A}/failures.json", lambda v: v["failures"].pop()), RENDERED),
    Tampering(
        "a cluster's member",
        document(f"{A}/clusters.json", lambda v: v["clusters"][0].update(members=[OTHER])),
        RENDERED,
    ),
    Tampering(
        "a cluster's title",
        document(f"{A}/clusters.json", lambda v: v["clusters"][0].update(title="nothing")),
        REWRITTEN,
    ),
    Tampering("the gate's answer", document(f"{A}/gate.json", lambda v: v.update(held_against=[])), RENDERED),
    Tampering(
        "one line of the gate's answer",
        document(f"{A}/gate.json", lambda v: v.update(held_against=v["held_against"][:-1])),
        RENDERED,
    ),
    Tampering(
        "a line of the gate reworded",
        document(f"{A}/gate.json", lambda v: v["held_against"].__setitem__(0, "C1 known: harmless")),
        RENDERED,
    ),
    Tampering(
        "a quarantine that nobody pronounced",
        document(f"{A}/gate.json", lambda v: v.update(held_against=[], quarantined=["C1", "C2"])),
        RENDERED,
    ),
    Tampering(
        "the policy of the gate",
        document(f"{A}/gate.json", lambda v: v["policy"].update(gate="strict", flaky="fail")),
        EDITED,
    ),
    Tampering("the gate's answer removed", remove(f"{A}/gate.json"), RENDERED),
    Tampering(
        "the cluster of a failure",
        document(f"{A}/failures.json", lambda v: v["failures"][0].update(cluster="C1")),
        RENDERED,
    ),
    Tampering(
        "a number in the summary's values", text(f"{A}/summary.json", '"passed": 2', '"passed": 3'), REWRITTEN
    ),
    Tampering(
        "a number in the summary", text(f"{A}/summary.md", "| passed | 2 |", "| passed | 3 |"), REWRITTEN
    ),
    Tampering("a word in the summary", text(f"{A}/summary.md", "failed", "passed"), REWRITTEN),
    Tampering("words under other templates", other_templates("summary.md", "failed", "passed"), SEALED),
    Tampering(
        "a summary removed with its claims",
        both(remove(f"{A}/summary.md"), remove(f"{A}/summary.md.claims.json")),
        SEALED,
    ),
    Tampering("the summary's values removed", remove(f"{A}/summary.json"), REWRITTEN),
    Tampering(
        "the commit in preflight",
        document(f"{A}/preflight.json", lambda v: v["git"].update(commit="0" * 40)),
        RENDERED,
    ),
    Tampering(
        "a collected test taken out of preflight",
        document(f"{A}/preflight.json", lambda v: v["nodeids"].pop()),
        RENDERED,
    ),
    Tampering("the plan", document(f"{A}/plan.json", lambda v: v["chunks"][0]["nodeids"].pop()), RENDERED),
    Tampering(
        "an attempt's command",
        document(f"{A}/chunks/*/exit.json", lambda v: v["attempts"][0].update(command="true")),
        RENDERED,
    ),
    Tampering("a recorded command", lines(f"{A}/commands.txt", lambda found: found[:1]), RENDERED),
    Tampering("a chunk's folder removed", remove(f"{A}/chunks/chunk_01"), RENDERED),
    Tampering("a chunk's log removed", remove(f"{A}/chunks/*/pytest.log"), RENDERED),
    Tampering(
        "the stamp in the record",
        document(f"{A}/results.json", lambda v: v.update(stamp="20250101T000000Z")),
        RENDERED,
    ),
    Tampering(
        "the campaign in the record",
        document(f"{A}/results.json", lambda v: v.update(campaign="other")),
        RENDERED,
    ),
    Tampering(
        "a run called incomplete",
        document(f"{A}/results.json", lambda v: v.update(complete=False)),
        REWRITTEN,
    ),
    Tampering("a run's folder renamed", rename(A, "20250101T000000Z"), EDITED),
    Tampering("a run's folder removed", remove(A), EDITED),
    Tampering("a run's folder renamed to no STAMP", rename(A, "old"), EDITED),
    Tampering(
        "a copy of a run under another STAMP",
        lambda root: shutil.copytree(one(root, A), one(root, A).with_name("20270101T000000Z")) and None,
        REWRITTEN,
    ),
    Tampering(
        "a phase's folder renamed",
        lambda root: one(root, "reports/sums/phase_b").rename(root / "reports/sums/b") and None,
        EDITED,
    ),
    Tampering(
        "a page beside STAMP folders",
        create("reports/*/phase_a", "summary.md", "All 4 tests pass.\n"),
        EDITED,
    ),
    Tampering("a page beside phases", create("reports/sums", "result.md", "All 4 tests pass.\n"), EDITED),
    Tampering(
        "a page inside of a STAMP folder", create(A, "chunks/notes.md", "All 4 tests pass.\n"), REWRITTEN
    ),
    Tampering("a log", append(f"{A}/chunks/*/pytest.log", "4 passed\n"), SEALED),
    Tampering("JUnit XML", text(f"{A}/chunks/*/junit.xml", "<failure", "<skipped"), SEALED),
    Tampering("a duration", document(f"{A}/results.json", set_row("results", 0, duration=99.0)), SEALED),
    Tampering("the environment", append(f"{A}/env.json", " "), SEALED),
    Tampering(
        "lines of the event log in another order",
        lines(f"{A}/events.jsonl", lambda found: [found[0], *reversed(found[1:3]), *found[3:]]),
        SEALED,
    ),
    Tampering(
        "fields of an event in another order",
        lines(f"{A}/events.jsonl", lambda found: [reordered(found[0]), *found[1:]]),
        SEALED,
    ),
    Tampering(
        "an event that is there twice", lines(f"{A}/events.jsonl", lambda found: [*found, found[-1]]), SEALED
    ),
    Tampering("a file that nobody wrote", create(A, "chunks/chunk_01/extra.log", "4 passed\n"), SEALED),
    Tampering(
        "a seal removed and results edited",
        both(remove(f"{A}/manifest.json"), document(f"{A}/results.json", flip(SUBJECT, "failed", "passed"))),
        EDITED,
    ),
    Tampering("a seal removed", remove(f"{A}/manifest.json"), EDITED),
    Tampering("a seal of the probe removed", remove(f"{B}/manifest.json"), EDITED),
    Tampering(
        "a file taken out of the seal",
        both(remove(f"{A}/env.json"), document(f"{A}/manifest.json", lambda v: v["files"].pop("env.json"))),
        EDITED,
    ),
    Tampering(
        "a refuted experiment called confirmed",
        both(
            document(f"{B}/probe.json", lambda v: v["experiments"][0]["treated"].update(failed=4)),
            text(f"{B}/experiments.jsonl", '"failed": 0', '"failed": 4'),
        ),
        REWRITTEN,
    ),
    Tampering(
        "the p-value of a verdict",
        both(
            document(f"{B}/probe.json", lambda v: v["experiments"][0].update(p_value=0.001)),
            text(f"{B}/experiments.jsonl", '"p_value": 0.0142', '"p_value": 0.0042'),
        ),
        REWRITTEN,
    ),
    Tampering(
        "a verdict that is not on record",
        document(f"{B}/probe.json", lambda v: v["experiments"][0].update(probe="seed")),
        REWRITTEN,
    ),
    Tampering(
        "a proof without an experiment",
        document(f"{B}/probe.json", lambda v: v.update(experiments=[])),
        REWRITTEN,
    ),
    Tampering("the record of experiments removed", remove(f"{B}/experiments.jsonl"), REWRITTEN),
    Tampering(
        "the record of experiments cut short",
        lines(f"{B}/experiments.jsonl", lambda found: found[:1]),
        REWRITTEN,
    ),
    Tampering("a prediction removed", lines(f"{B}/experiments.jsonl", lambda found: found[1:]), REWRITTEN),
    Tampering(
        "a cluster erased from journal and views",
        without(lambda event: getattr(event, "cluster", None) != "C1"),
        REWRITTEN,
    ),
    Tampering(
        "the probed cluster erased from journal and views",
        without(lambda event: getattr(event, "cluster", None) != "C2"),
        REWRITTEN,
    ),
    Tampering("the journal emptied", without(lambda _event: False), EDITED),
    Tampering(
        "an attempt taken out", without(lambda event: not isinstance(event, AttemptRecorded)), REWRITTEN
    ),
    Tampering(
        "a criterion met without evidence",
        forge(
            CriterionMet, cluster="C1", criterion="targeted", scope="alone", runs=4, stamp="20261224T000000Z"
        ),
        EDITED,
    ),
    Tampering(
        "a resolution without evidence",
        forge(
            StatusChanged, cluster="C1", status=ClusterStatus.RESOLVED, reason="met", stamp="20261224T000000Z"
        ),
        EDITED,
    ),
    Tampering(
        "a resolution by another phase's evidence",
        both(
            forge(
                CriterionMet,
                cluster="C2",
                criterion="targeted",
                scope="alone",
                runs=4,
                stamp="20260101T000100Z",
                evidence=(PROBE,),
            ),
            forge(
                StatusChanged,
                cluster="C2",
                status=ClusterStatus.RESOLVED,
                reason="met",
                stamp="20260101T000100Z",
                evidence=(PROBE,),
            ),
        ),
        EDITED,
    ),
    Tampering(
        "a cause found by another cluster's evidence",
        forge(
            StatusChanged,
            cluster="C1",
            status=ClusterStatus.PROBED,
            reason="found",
            stamp="20260101T000100Z",
            evidence=(PROBE,),
        ),
        EDITED,
    ),
    Tampering(
        "a cause found by evidence that is not there",
        forge(
            StatusChanged,
            cluster="C1",
            status=ClusterStatus.PROBED,
            reason="found",
            stamp="20260101T000200Z",
            evidence=("reports/sums/phase_b/20260101T000200Z/probe.json",),
        ),
        EDITED,
    ),
    Tampering(
        "a cluster of a run that never was",
        forge(
            ClusterOpened, cluster="C9", title="t", stamp="20251224T000000Z", signatures=(), members=(OTHER,)
        ),
        EDITED,
    ),
    Tampering(
        "a member that never failed",
        forge(MembersAdded, cluster="C1", members=(OTHER,), stamp="20260101T000000Z"),
        EDITED,
    ),
    Tampering(
        "a steady failure called flaky",
        forge(FlakySeen, cluster="C2", nodeid=SUBJECT, stamp="20260101T000000Z", runs=4, failed=2),
        EDITED,
    ),
    Tampering("the author of the first event", journal_line(0, field("by", "ada")), EDITED),
    Tampering("the author of the last event", journal_line(-1, field("by", "ada")), EDITED),
    Tampering("the time of an event", journal_line(1, field("at", "2020-01-01T00:00:00.000000Z")), EDITED),
    Tampering(
        "the time of the last event", journal_line(-1, field("at", "2029-01-01T00:00:00.000000Z")), EDITED
    ),
    Tampering("the title of a cluster", journal_line(0, field("title", "nothing")), EDITED),
    Tampering("fields of an event of the journal in another order", journal_line(0, reordered), EDITED),
    Tampering("an event without its parents", journal_line(1, field("parents", [])), EDITED),
    Tampering("an event called older than the chain", journal_line(-1, field("v", 1)), EDITED),
    Tampering(
        "an event under a new id",
        lines(JOURNAL, lambda found: [*found, field("id", "0" * 16)(found[0])]),
        EDITED,
    ),
    Tampering(
        "an event that is no link of the chain",
        lines(
            JOURNAL,
            lambda found: [
                *found,
                '{"id":"f","at":"2026-12-24T00:00:00Z","by":"ada","v":1,"event":"owner_set","cluster":"C1","owner":"x"}\n',
            ],
        ),
        EDITED,
    ),
    Tampering("a line of the journal removed", lines(JOURNAL, lambda found: found[:1] + found[2:]), EDITED),
    Tampering("the first line of the journal removed", lines(JOURNAL, lambda found: found[1:]), EDITED),
    Tampering(
        "the seal that an event names",
        text(JOURNAL, '"manifests":{"reports/', '"manifests":{"reports/x'),
        EDITED,
    ),
    Tampering("a view edited by hand", text("plans/fix_plan.md", "probed", "resolved"), EDITED),
    Tampering(
        "a view edited with its hash", region("reports/remediation_tracker.md", "probed", "resolved"), EDITED
    ),
    Tampering(
        "a number in a view edited with its hash", region("plans/fix_plan.md", "| 1 |", "| 0 |"), EDITED
    ),
]

COMMITTED = [
    Tampering("a run's folder removed from a probe", remove(f"{B}/runs/0002"), REWRITTEN),
    Tampering(
        "the outcome in a run of a probe",
        text(f"{B}/runs/0002/events.jsonl", '"outcome":"failed"', '"outcome":"passed"'),
        REWRITTEN,
    ),
    Tampering(
        "an observation taken out",
        lines(f"{B}/experiments.jsonl", lambda found: [line for line in found if '"run": 10,' not in line]),
        REWRITTEN,
    ),
    Tampering(
        "the last observations taken out",
        lines(f"{B}/experiments.jsonl", lambda found: found[:-3]),
        REWRITTEN,
    ),
    Tampering(
        "two runs' files swapped",
        swap_red_and_green_run,
        REWRITTEN,
    ),
    Tampering(
        "two runs' logs swapped", swap(f"{B}/runs/0010/pytest.log", f"{B}/runs/0011/pytest.log"), EDITED
    ),
    Tampering(
        "the counts of a verdict",
        both(
            document(f"{B}/probe.json", lambda v: v["experiments"][1]["baseline"].update(failed=3)),
            text(
                f"{B}/experiments.jsonl",
                '"baseline": {"runs": 4, "failed": 4}',
                '"baseline": {"runs": 4, "failed": 3}',
            ),
        ),
        REWRITTEN,
    ),
    Tampering("a probe's page turned around", text(f"{B}/summary.md", "confirmed", "refuted"), SEALED),
    Tampering("a probe's repair", append(f"{B}/repair_1.patch", "+x\n"), REWRITTEN),
    Tampering("an option's patch", append(f"{C}/options/A.patch", "+x\n"), REWRITTEN),
    Tampering(
        "an option's patch in the design",
        document(f"{C}/design.json", lambda v: v["options"][0].update(patch="")),
        REWRITTEN,
    ),
    Tampering(
        "a run that an option cites",
        document(f"{C}/design.json", lambda v: v["options"][0]["targeted"].pop()),
        REWRITTEN,
    ),
    Tampering(
        "a criterion called met",
        document(f"{D}/verify.json", lambda v: v["results"][0].update(passed=3)),
        REWRITTEN,
    ),
    Tampering(
        "a criterion called unmet",
        document(f"{D}/verify.json", lambda v: v["results"][0].update(met=False)),
        REWRITTEN,
    ),
    Tampering(
        "a criterion's runs",
        document(f"{D}/verify.json", lambda v: v["results"][0].update(runs=9, passed=9)),
        REWRITTEN,
    ),
    Tampering(
        "a verification of another cluster",
        document(f"{D}/verify.json", lambda v: v.update(cluster="C20")),
        REWRITTEN,
    ),
    Tampering(
        "a failing run of a verification",
        text(f"{D}/runs/0001/events.jsonl", '"outcome":"passed"', '"outcome":"failed"'),
        REWRITTEN,
    ),
    Tampering(
        "a resolution taken out",
        without(
            lambda event: not (isinstance(event, StatusChanged) and event.status is ClusterStatus.RESOLVED)
        ),
        REWRITTEN,
    ),
    Tampering(
        "a resolution of a cluster by another's verification",
        lambda root: forge(
            StatusChanged,
            cluster="C20",
            status=ClusterStatus.RESOLVED,
            reason="met",
            stamp=one(root, D).name,
            evidence=(one(root, f"{D}/verify.json").relative_to(root).as_posix(),),
        )(root),
        EDITED,
    ),
    Tampering(
        "a criterion that was never checked",
        lambda root: forge(
            CriterionMet,
            cluster="C19",
            criterion="suite",
            scope="suite",
            runs=1,
            stamp=one(root, D).name,
            evidence=(one(root, f"{D}/verify.json").relative_to(root).as_posix(),),
        )(root),
        EDITED,
    ),
    Tampering("an archived plan", region("plans/archive/*.md", "[x]", "[ ]"), EDITED),
    Tampering("gradients", text(f"{D}/gradients.json", "98375", "98376"), EDITED),
]
