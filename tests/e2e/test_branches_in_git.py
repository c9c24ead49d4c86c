"""Real git, real journals: branches that went apart merge without conflict and are mended alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from triage.cli.app import group
from triage.cluster.assign import assign
from triage.cluster.conclusions import conclusions
from triage.cluster.context import Flip
from triage.cluster.decisions import merge, own
from triage.cluster.registry import ClusterRegistry
from triage.evidence.chain import chain_faults
from triage.evidence.journal import Journal
from triage.model.cluster import ClusterStatus
from triage.model.journal import StatusChanged
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]


class Clone:
    """A repository with a journal."""

    def __init__(self, path: Path) -> None:
        self.path, self.journal = path, Journal(path / "plans" / "journal.jsonl")

    def git(self, *words: str, code: int = 0) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "state")

    def triage(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(group, ["--root", str(self.path), *words], standalone_mode=False)
        if result.exception is not None:
            return int(getattr(result.exception, "exit_code", 4)), str(result.exception)
        return int(result.return_value or 0), result.stdout + result.stderr

    @property
    def registry(self) -> ClusterRegistry:
        return ClusterRegistry.of(self.journal.read())

    def saw(self, at: str, *results: TestResult) -> None:
        record = RunRecord(stamp=at, campaign="c", root="/", complete=True, results=results)
        registry = self.registry
        self.journal.append(
            assign(record, registry, signer=signatures_of, factory=registry.event_factory(at, "run")).events
        )
        self.commit()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """On main, one cluster, and what `triage init` writes."""
    made = Clone(tmp_path / "suite")
    made.path.mkdir()
    (made.path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    made.git("init", "-q", "-b", "main")
    monkeypatch.chdir(made.path)
    assert made.triage("init")[0] == 0
    made.commit()
    return made


@pytest.mark.slow
def test_three_branches_in_every_order_end_in_one_journal(clone: Clone, failing: Failing) -> None:
    clone.saw("2026-11-24T06:00:00Z", failing("a.py::a", "OSError: base", "m0.py:f"))
    for hour, name in enumerate("xyz", start=7):
        clone.git("checkout", "-q", "-b", name, "main")
        clone.saw(
            f"2026-11-24T0{hour}:00:00Z",
            failing(f"{name}.py::t", "OSError: own", f"m{name}.py:f"),
            failing("all.py::t", "ValueError: seen on each branch", "shared.py:f"),
        )
        registry = clone.registry
        clone.journal.append(
            own(registry, registry.event_factory(f"2026-11-24T0{hour}:30:00Z", name), "C3", name)
        )
        clone.commit()
    ends = set()
    for order in ("xyz", "zyx", "yxz"):
        clone.git("checkout", "-q", "-B", "-".join(order), "main")
        for name in order:
            clone.git("merge", "-q", "--no-edit", name)
        for _ in range(2):
            said = clone.triage("doctor", "--mend")[1]
        assert "two branches allotted" not in said, said
        ends.add(tuple(sorted(event.id for event in clone.journal.read())))
        clone.commit()
    assert len(ends) == 1, "whatever the order of merges, the same lines"
    registry = clone.registry
    assert len(registry.live) == 5
    assert len({c.title for c in registry.live}) == 3
    (shared,) = [c for c in registry.live if "seen on each branch" in c.title]
    assert shared.members == ("all.py::t",)
    owners = {c.owner for c in registry.live if c.owner}
    assert len(owners) >= 1
    # two people who mended different pairs first meet in the same state
    clone.git("checkout", "-q", "-B", "ada", "x")
    clone.git("merge", "-q", "--no-edit", "y")
    clone.triage("doctor", "--mend")
    clone.commit()
    clone.git("checkout", "-q", "-B", "bob", "x")
    clone.git("merge", "-q", "--no-edit", "z")
    clone.triage("doctor", "--mend")
    clone.commit()
    clone.git("merge", "-q", "--no-edit", "-X", "ours", "ada")  # plans/fix_plan.md is a view: any side
    for _ in range(4):
        clone.triage("doctor", "--mend")
    again = clone.registry
    assert not again.clashes
    assert not again.doubles
    assert sorted(c.members for c in again.live) == sorted(c.members for c in registry.live)


def test_doctor_names_what_it_would_mend_and_changes_nothing_without_being_asked(
    clone: Clone, failing: Failing
) -> None:
    clone.git("checkout", "-q", "-b", "other")
    clone.saw("2026-11-24T08:00:00Z", failing("b.py::b", "KeyError: 'x'", "m1.py:f"))
    clone.git("checkout", "-q", "main")
    clone.saw("2026-11-24T07:00:00Z", failing("a.py::a", "OSError: no", "m2.py:f"))
    clone.git("merge", "-q", "--no-edit", "other")
    before = clone.journal.path.read_bytes()
    code, said = clone.triage("doctor")
    assert code == 0, said
    assert "two branches allotted C1: the younger is shown as C2" in said
    assert clone.journal.path.read_bytes() == before
    assert "cluster renumbered: C1" in clone.triage("doctor", "--mend")[1]
    assert {c.id: c.members for c in clone.registry.live} == {"C1": ("a.py::a",), "C2": ("b.py::b",)}


def test_a_branch_resolved_what_the_other_merged(clone: Clone, failing: Failing) -> None:
    one, two = failing("a.py::a", "OSError: no", "m1.py:f"), failing("b.py::b", "KeyError: 'x'", "m2.py:f")
    clone.saw("2026-11-24T06:00:00Z", one, two)
    clone.git("checkout", "-q", "-b", "resolves")
    factory = clone.registry.event_factory("2026-11-24T08:00:00Z", "triage verify")
    clone.journal.append(
        [factory.make(StatusChanged, cluster="C2", status=ClusterStatus.RESOLVED, reason="met")]
    )
    clone.commit()
    clone.git("checkout", "-q", "-b", "merges", "main")
    registry = clone.registry
    clone.journal.append(merge(registry, registry.event_factory("2026-11-24T07:00:00Z", "ada"), ["C1", "C2"]))
    clone.commit()
    clone.git("merge", "-q", "--no-edit", "resolves")
    code, said = clone.triage("doctor")
    assert code == 0, said
    assert [line for line in said.splitlines() if line.startswith("error")] == []
    whole = clone.registry.cluster("C2")
    assert (whole.id, whole.status) == ("C1", ClusterStatus.OPEN), "only a part met its criterion"
    assert whole.members == ("a.py::a", "b.py::b")


def test_proposals_and_merges_of_a_renumbered_cluster_go_along(clone: Clone, failing: Failing) -> None:
    clone.saw("2026-11-24T06:00:00Z", failing("a.py::a", "OSError: no", "m1.py:f"))
    clone.git("checkout", "-q", "-b", "other")
    clone.saw(
        "2026-11-24T08:00:00Z", failing("b.py::b", "KeyError: 'x'", "m2.py:f"),
        failing("c.py::c", "TypeError: x", "m3.py:f"), failing("d.py::d", "EOFError: x", "m4.py:f"),
    )  # fmt: skip
    registry = clone.registry
    factory = registry.event_factory("2026-11-24T08:10:00Z", "bob")
    flips = (Flip("env:A=1", frozenset({"a.py::a", "b.py::b"}), frozenset(), "e"),)
    clone.journal.append([*merge(registry, factory, ["C3", "C4"]), *conclusions(registry, factory, flips)])
    clone.commit()
    assert [(p.with_cluster, p.cluster) for p in clone.registry.proposals] == [("C1", "C2")]
    clone.git("checkout", "-q", "main")
    clone.saw(
        "2026-11-24T07:00:00Z", failing("e.py::e", "LookupError: x", "m5.py:f"),
        failing("f.py::f", "BufferError: x", "m6.py:f"), failing("g.py::g", "SystemError: x", "m7.py:f"),
    )  # fmt: skip
    clone.git("merge", "-q", "--no-edit", "other")
    assert clone.registry.proposals == (), "until it is clear which C2 is meant, none is"
    clone.triage("doctor", "--mend")
    registry = clone.registry
    found = {c.members: c.id for c in registry.live}
    assert found[("e.py::e",)] == "C2"
    assert found[("f.py::f",)] == "C3"
    assert found[("g.py::g",)] == "C4"
    assert ("c.py::c", "d.py::d") in found, "the merge meant the C3 and C4 of its own branch"
    (proposal,) = registry.proposals
    assert {proposal.cluster, proposal.with_cluster} == {"C1", found["b.py::b",]}
    said = clone.triage("explain", "C1")[1]
    assert f"confirm with: triage merge C1 {found['b.py::b',]}" in said


def test_the_next_command_that_writes_mends_and_one_that_reads_shows_it(
    clone: Clone, failing: Failing
) -> None:
    both = failing("all.py::t", "ValueError: seen on both", "shared.py:f")
    clone.git("checkout", "-q", "-b", "other")
    clone.saw("2026-11-24T08:00:00Z", failing("b.py::b", "KeyError: 'x'", "m1.py:f"), both)
    clone.git("checkout", "-q", "main")
    clone.saw("2026-11-24T07:00:00Z", failing("a.py::a", "OSError: no", "m2.py:f"), both)
    clone.git("merge", "-q", "--no-edit", "other")
    before = clone.journal.path.read_bytes()
    code, shown = clone.triage("clusters", "--all", "--json")
    assert code == 0, shown
    assert clone.journal.path.read_bytes() == before, "a command that reads writes nothing"
    seen = {cluster["title"]: cluster["id"] for cluster in json.loads(shown)["clusters"]}
    younger = seen["KeyError: 'x'"]
    clone.commit()
    # ada and bob each write something in clones of their own: they mend alike
    ends = []
    for name in ("ada", "bob"):
        clone.git("checkout", "-q", "-b", name, "main")
        assert clone.triage("assign", younger, "--owner", name)[0] == 0
        clone.commit()
        ends.append({cluster.title: cluster.id for cluster in clone.registry.live})
        assert clone.registry.cluster(younger).owner == name
        assert not clone.registry.clashes
        assert not clone.registry.doubles
    assert ends[0] == ends[1]
    clone.git(
        "merge", "--no-edit", "ada", code=1
    )  # their ledgers differ, and git cannot know that they are views
    assert clone.triage("rename", younger, "of both")[0] == 0
    ledger = (clone.path / "plans/fix_plan.md").read_text()
    assert "<<<<<<<" not in ledger
    assert "of both" in ledger
    clone.commit()
    assert {cluster.id for cluster in clone.registry.live} == set(ends[0].values())
    assert list(chain_faults(clone.journal.load().links)) == []
    assert clone.triage("doctor")[0] == 0


def test_without_the_attribute_both_sides_of_a_conflict_count(clone: Clone, failing: Failing) -> None:
    (clone.path / ".gitattributes").unlink()
    clone.saw("2026-11-24T06:00:00Z", failing("a.py::a", "OSError: no", "m1.py:f"))
    clone.git("checkout", "-q", "-b", "other")
    clone.saw("2026-11-24T08:00:00Z", failing("b.py::b", "KeyError: 'x'", "m2.py:f"))
    clone.git("checkout", "-q", "main")
    clone.saw("2026-11-24T07:00:00Z", failing("c.py::c", "TypeError: x", "m3.py:f"))
    clone.git("merge", "-q", "--no-edit", "other", code=1)
    before = clone.journal.path.read_bytes()
    assert b"<<<<<<<" in before
    assert len(clone.registry.clusters) == 2, "as written, both branches have a C2"
    code, said = clone.triage("clusters", "--all")
    assert code == 0, said
    assert clone.journal.path.read_bytes() == before
    assert "holds conflict marks of git" in clone.triage("doctor")[1]
    assert clone.triage("assign", "C3", "--owner", "ada")[0] == 0
    assert b"<<<<<<<" not in clone.journal.path.read_bytes()
    assert "would conflict; what to do: triage init" in clone.triage("doctor")[1]
    assert len(clone.registry.live) == 3
    assert not clone.registry.clashes
    assert list(chain_faults(clone.journal.load().links)) == []


def test_a_state_is_that_of_the_cluster_and_not_of_the_number_that_it_had(clone: Clone) -> None:
    """Both branches allotted C1; the newest run was made on the one that has to give it up."""
    for minute, (name, error) in enumerate((("one", "KeyError: 1"), ("two", "OSError: 2"))):
        clone.git("checkout", "-q", "-b", name, "main")
        failure = f"<failure message='{error}'>{error}</failure>"
        case = f"<testcase classname='test_{name}' name='t'>{failure}</testcase>"
        (clone.path / "report.xml").write_text(f"<testsuite name='pytest'>{case}</testsuite>")
        assert clone.triage("import", "report.xml", "--stamp", f"20261124T060{minute}00Z")[0] == 1
        (clone.path / "report.xml").unlink()
        (clone.path / "plans" / "fix_plan.md").unlink()
        (clone.path / "reports" / "remediation_tracker.md").unlink()
        clone.commit()
    clone.git("merge", "-q", "one", "-m", "merged")
    clusters = {
        found["title"]: found for found in json.loads(clone.triage("status", "--json")[1])["clusters"]
    }
    states = {title: found["state_in_run"] for title, found in clusters.items()}
    assert states == {"KeyError: 1": None, "OSError: 2": "new"}
