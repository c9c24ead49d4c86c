"""What a shell offers behind a command, and what a wrong name is answered with."""

from __future__ import annotations

import click
import pytest

from triage.cli.app import TABLE, group, run
from triage.cli.completion import complete_cluster, complete_stamp
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import JOURNAL, Journal
from triage.model.journal import ClusterOpened


@pytest.fixture
def context(tmp_path):
    factory = ClusterRegistry.of(()).event_factory("2026-01-01T00:00:00Z", "me")
    opened = factory.make(
        ClusterOpened,
        cluster="C12",
        title="x\x1b[2J",
        stamp="20260101T000000Z",
        signatures=("reason/1:" + "1" * 16,),
        members=("t.py::a",),
    )
    Journal(tmp_path / JOURNAL).append([opened])
    for stamp in ("20260101T000000Z", "20260102T000000Z"):
        EvidenceFolder.create(tmp_path, "camp", "a", stamp)
    context = click.Context(click.Command("show"))
    context.params = {"root": str(tmp_path), "output": None}
    return context


PARAMETER = click.Argument(["subject"])


def test_clusters_and_runs_are_offered(context):
    (item,) = complete_cluster(context, PARAMETER, "c1")
    assert (item.value, item.help) == ("C12", "x\\x1b[2J")
    assert complete_cluster(context, PARAMETER, "C9") == []
    stamps = [item.value for item in complete_stamp(context, PARAMETER, "2026")]
    assert stamps == ["20260102T000000Z", "20260101T000000Z"], "newest first"


def test_nothing_is_offered_where_nothing_can_be_read(context, tmp_path):
    (tmp_path / JOURNAL).write_text("no journal\n")
    assert complete_cluster(context, PARAMETER, "") == []


def test_commands_are_offered_by_their_beginning():
    offered = [item.value for item in group.shell_complete(click.Context(group), "re")]
    assert [name for name in offered if name in TABLE] == ["results", "report", "rename"]


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["rn"], "did you mean 'run'?"),
        (["shwo"], "did you mean 'show'"),
        (["run", "--worker", "2"], "--workers"),
    ],
)
def test_a_misspelt_command_or_option_is_answered_with_a_right_one(argv, meant, capsys):
    assert run(argv) == 2
    assert meant in capsys.readouterr().err
