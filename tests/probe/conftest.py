"""Small suites in repositories of their own, probed as a user would."""

from __future__ import annotations

import json
import textwrap

import pytest
from click.testing import CliRunner

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from tests.planted.faults.api import Plant, grow
from triage.cli.app import group
from triage.errors import TriageError


class Suite:
    """A project on disk, and the command line on it."""

    def __init__(self, root):
        self.root = root

    @classmethod
    def grown(cls, root, files, **more):
        """A project of these files; further arguments are those of a plant."""
        texts = {name: textwrap.dedent(text).lstrip("\n") for name, text in files.items()}
        grow(Plant(name="project", subject="", files=texts, kinds=(), **more), root)
        return cls(root)

    def probe(self, *words):
        """`triage probe WORDS --json`: exit code, document (None without one), last words."""
        asked = ["--root", str(self.root), "probe", *words, "--json"]
        result = CliRunner().invoke(group, asked, standalone_mode=False)
        if isinstance(result.exception, TriageError):
            return int(result.exception.exit_code), None, str(result.exception)
        if result.exception is not None:
            raise result.exception
        return int(result.return_value), json.loads(result.stdout), result.stderr.strip()

    def call(self, *words):
        """Another command on the project; its exit code."""
        result = CliRunner().invoke(group, ["--root", str(self.root), *words], standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, TriageError):
            raise result.exception
        return result.return_value

    @property
    def folder(self):
        """The one evidence folder of phase B."""
        (folder,) = (self.root / "reports").glob("*/phase_b/*")
        return folder


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Makes a project from files."""
    for variable, value in NO_FOREIGN_PLUGINS.items():
        monkeypatch.setenv(variable, value)

    def make(files, **more):
        return Suite.grown(tmp_path / "project", files, **more)

    make.on = Suite
    return make
