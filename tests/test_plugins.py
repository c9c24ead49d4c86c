"""Plugins: a good one is used, a bad one fails when it registers, by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cli.builtin_plugins import BuiltIns
from triage.errors import UsageError
from triage.plugins import NEEDS, hookimpl, manager, offers


class Rule:
    name = "badge numbers"
    pattern = r"BADGE-\d+"


def plugin(**hooks):
    """A plugin object with these hook implementations."""
    made = type("Stranger", (), {name: hookimpl(function) for name, function in hooks.items()})
    return made()


def test_what_is_built_in_comes_through_the_same_door():
    made = manager(BuiltIns(), installed=False)
    assert [offer.name for offer in offers(made, "triage_executors")] == ["local", "dask"]
    assert len(offers(made, "triage_probes")) >= 3
    for hook, needed in NEEDS.items():
        assert all(hasattr(offer, name) for offer in offers(made, hook) for name in needed)


def test_a_plugin_adds_to_what_is_built_in():
    made = manager(BuiltIns(), [plugin(triage_redactions=lambda self: [Rule])], installed=False)
    assert [offer.name for offer in offers(made, "triage_redactions")] == ["badge numbers"]


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        ({"triage_prboes": lambda self: []}, "triage_prboes"),
        ({"triage_probes": lambda self: [object()]}, "without name, investigate"),
        ({"triage_probes": lambda self: 1 / 0}, "ZeroDivisionError"),
        ({"triage_redactions": lambda self, nonsense: []}, "nonsense"),
    ],
)
def test_a_bad_plugin_fails_when_it_registers(hooks, words):
    with pytest.raises(UsageError, match=words) as caught:
        manager(BuiltIns(), [plugin(**hooks)], installed=False)
    assert caught.value.slug == "bad-plugin"


def test_two_plugins_cannot_offer_one_name():
    both = [plugin(triage_redactions=lambda self: [Rule]), plugin(triage_redactions=lambda self: [Rule])]
    made = manager(BuiltIns(), both, installed=False)
    with pytest.raises(UsageError, match="badge numbers"):
        offers(made, "triage_redactions")


PLUGIN = """
from triage.plugins import hookimpl

class Rule:
    name = "badge numbers"
    pattern = r"BADGE-\\d+"

@hookimpl
def triage_redactions():
    return [Rule]
"""


@pytest.mark.slow
def test_an_installed_package_is_found(tmp_path):
    """A stranger's distribution on the path: its rule redacts what a run records."""
    (tmp_path / "stranger.py").write_text(PLUGIN)
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[triage]\nstranger = stranger\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_a.py").write_text("def test_a():\n    raise ValueError('of BADGE-4711')\n")
    run = subprocess.run(
        [sys.executable, "-m", "triage", "run"],
        cwd=project, env={"PYTHONPATH": str(tmp_path), "PATH": "", "CI": "1", **NO_FOREIGN_PLUGINS},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    written = [path for path in project.rglob("*") if path.is_file() and not path.name.startswith("test_a.")]
    assert [path for path in written if b"BADGE-4711" in path.read_bytes()] == []
    assert "[redacted]" in run.stdout
