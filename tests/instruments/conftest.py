"""Runs a small project under instruments, in a real process."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cli.context import real_world
from triage.instruments.registry import plugin_of
from triage.lab.observations import observation_of, read_instruments
from triage.model.run import Selection
from triage.process.local import LocalExecutor
from triage.run.selection import run_selection


@pytest.fixture
def observe(tmp_path):
    """Files and a test; instruments by name with their settings; returns an Observation."""
    here = real_world()
    # files of other tests in this machine's TMPDIR are no state of the small project
    environ = {name: value for name, value in here.environ.items() if name != "TMPDIR"}
    world = replace(here, environ=environ)
    executor = LocalExecutor(world=world)

    def run(files, *nodeids, env=None, **instruments):
        root = tmp_path / "suite"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        selection = Selection(
            root=str(root),
            nodeids=nodeids,
            env=NO_FOREIGN_PLUGINS | (env or {}),
            plugins=tuple(plugin_of(name) for name in instruments),
            settings={name: json.dumps(told) for name, told in instruments.items()},
        )
        folder = tmp_path / "out"
        result = run_selection(selection, env={}, python=None, folder=folder, executor=executor, world=world)
        return observation_of(result, read_instruments(folder / "instruments", lambda text: text))

    yield run
    executor.close()
