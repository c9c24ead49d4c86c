"""Sessions that are forked from a process which has imported their libraries are as new interpreters."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.instruments.registry import plugin_of
from triage.model.base import World
from triage.model.run import Selection
from triage.process.local import LocalExecutor
from triage.run.selection import run_selection
from triage.run.warm_parents import Imports, WarmParents, _Parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux"),
]
_FACTS = """
import json, os, random, sys, xml.dom.minidom
import app

def test_facts():
    app.STATE.append("seen")
    facts = {
        "argv": sys.argv[3:], "path": sys.path, "cwd": os.getcwd(), "state": app.STATE,
        "imported": sorted(name for name in sys.modules if name.startswith(("xml", "app", "decimal"))),
        "env": {name: os.environ.get(name) for name in ("HOME", "TMPDIR", "MODE", "PYTHONPATH")},
        "main": sys.modules["__main__"].__spec__.name,
    }
    chance = {"pid": os.getpid(), "number": random.random(), "hash": hash("x")}
    with open(os.environ["FACTS"], "a") as file:
        file.write(json.dumps([facts, chance]) + "\\n")
"""


class Sessions:
    """Runs one test of a project in sessions that are new, or forked."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.root, self.folder = folder / "project", folder
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.facts = folder / "facts"
        self.modules = folder / "modules.json"
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "FACTS": str(self.facts)}
        self.world = World(now=None, monotonic=time.monotonic, environ=environ | NO_FOREIGN_PLUGINS)
        self.executor = LocalExecutor()
        self.parents = WarmParents(self.executor, folder / "warm", python=None, seconds=60.0)
        self.forks: list[bool] = []
        self._number = 0

    def run(
        self,
        *,
        warm: bool,
        may_start: bool = True,
        env: dict[str, str] | None = None,
        instruments: dict[str, Any] | None = None,
    ) -> list[str]:
        """The outcomes of one session."""
        self._number += 1

        def start(request: Any) -> Any:
            imports = Imports.read(self.modules) if warm else None
            if imports is not None:
                request = self.parents.from_parent(request, imports, lambda: False, may_start=may_start)
            self.forks.append(request.fork_server is not None)
            return request

        temporary = self.folder / f"t{self._number}"
        temporary.mkdir()
        variables = {"TMPDIR": str(temporary), "PYTHONPATH": str(self.root), **(env or {})}
        result = run_selection(
            Selection(
                root=str(self.root), nodeids=("test_a.py",), env=variables,
                plugins=tuple(plugin_of(name) for name in instruments or {}),
                settings={name: json.dumps(value) for name, value in (instruments or {}).items()},
            ),
            env={}, python=None, folder=self.folder / f"run{self._number}", executor=self.executor,
            world=self.world, start=start, modules=None if warm else self.modules,
        )  # fmt: skip
        return [each.outcome.value for each in result.results]


@pytest.fixture
def sessions(tmp_path):
    """sessions(files): sessions of a project with these files."""
    opened: list[Sessions] = []

    def open_one(files: dict[str, str]) -> Sessions:
        opened.append(Sessions(tmp_path, files))
        return opened[-1]

    yield open_one
    for each in opened:
        each.parents.close()
        each.executor.close()


def test_a_fork_finds_what_a_new_interpreter_finds(sessions):
    made = sessions({"test_a.py": _FACTS, "app.py": "STATE = []\n"})
    for warm in (False, True, True):
        assert made.run(warm=warm) == ["passed"]
    assert made.forks == [False, True, True]
    assert made.parents.started == 1
    (fresh, _), (fork, chance), (other_fork, other_chance) = map(json.loads, made.facts.open())
    for facts in (fresh, fork, other_fork):
        facts["env"].pop("TMPDIR")
    assert fork == fresh
    assert other_fork == fresh
    assert '"app"' not in made.modules.read_text()
    assert chance["number"] != other_chance["number"]
    assert chance["pid"] != other_chance["pid"]


def test_triage_may_be_a_plugin_that_is_installed(sessions):
    """As its wheel puts it there: pytest wants to rewrite its assertions, and a parent has imported it."""
    installed = "triage_as_a_wheel-1.0.dist-info"
    made = sessions({
        "test_a.py": "def test_it(): pass\n",
        "pytest.ini": "[pytest]\nfilterwarnings = error\n",
        f"{installed}/METADATA": "Name: triage-as-a-wheel\nVersion: 1.0\n",
        f"{installed}/entry_points.txt": "[pytest11]\nof_the_test = plugin_of_the_test\n",
        f"{installed}/RECORD": "triage/__init__.py,,\nplugin_of_the_test.py,,\n",
        "plugin_of_the_test.py": "",
    })  # fmt: skip
    for warm in (False, True):
        assert made.run(warm=warm, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}) == ["passed"]
    assert made.forks == [False, True], made.parents.unfit


def test_variables_that_the_imports_read_need_a_parent_of_their_own(sessions):
    made = sessions({"test_a.py": _FACTS, "app.py": "STATE = []\n"})
    made.run(warm=False)
    made.run(warm=True)
    made.run(warm=True, may_start=False, env={"MODE": "other"})
    made.run(warm=True, may_start=False, env={"PYTHONHASHSEED": "7"})
    assert made.forks == [False, True, True, False]
    made.run(warm=True, env={"PYTHONHASHSEED": "7"})
    made.run(warm=True, env={"PYTHONHASHSEED": "7"})
    assert made.forks[4:] == [True, True]
    lines = [json.loads(line) for line in made.facts.open()]
    assert lines[2][0]["env"]["MODE"] == "other"
    assert len({chance["hash"] for _, chance in lines[3:]}) == 1


_LATER = """
import importlib.util, json, os, sys
import email

def names():
    return sorted(name for name in sys.modules if name.startswith(("email", "xmlrpc", "http")))

def test_it():
    facts = [names(), hasattr(email, "mime")]
    import xmlrpc.client
    from email.mime.text import MIMEText
    facts += [names(), email.mime.text.MIMEText is MIMEText, xmlrpc.client.__spec__.origin]
    facts += [type(xmlrpc.client.__loader__).__name__, importlib.util.find_spec("xmlrpc").name]
    with open(os.environ["FACTS"], "a") as file:
        file.write(json.dumps(facts) + "\\n")
"""


def test_what_a_test_imports_is_there_when_it_imports_it_and_not_before(sessions):
    made = sessions({"test_a.py": _LATER})
    for warm in (False, True, True):
        assert made.run(warm=warm) == ["passed"]
    (parent,) = made.parents._parents
    assert parent.server.said["set_aside"] >= 2
    fresh, *forks = map(json.loads, made.facts.open())
    assert "xmlrpc.client" not in fresh[0]
    assert "http.client" in fresh[2]
    assert forks == [fresh, fresh]


def test_modules_behind_a_changed_variable_are_not_loaded_beforehand(sessions):
    test = "import os\ndef test_it():\n    os.environ['MODE'] = '1'\n    import xmlrpc.client\n"
    made = sessions({"test_a.py": test})
    made.run(warm=False)
    imports = Imports.read(made.modules)
    assert imports is not None
    assert "xmlrpc.client" not in imports.later


def test_a_parent_does_without_later_modules_that_copy_the_environment(sessions):
    made = sessions({"test_a.py": "def test_it(): import wsgiref.simple_server\n"})
    made.run(warm=False)
    assert "wsgiref.handlers" in Imports.read(made.modules).later
    made.run(warm=True)
    made.run(warm=True, env={"MODE": "other"})
    assert made.forks == [False, True, True]
    (parent,) = made.parents._parents
    assert parent.server.said["set_aside"] == 0
    assert made.parents.unfit == ""


def test_a_killed_parent_is_replaced(sessions):
    made = sessions({"test_a.py": "def test_it(): pass\n"})
    made.run(warm=False)
    made.run(warm=True)
    server = made.parents._parents[0].server
    os.kill(server._supervised.pid, signal.SIGKILL)
    assert made.run(warm=True) == ["passed"]
    assert made.parents.started == 2


def test_what_the_suite_sets_before_an_import_is_set_in_the_parent_too(sessions):
    conftest = "import os\nos.environ['EARLY'] = 'yes'\nimport xml.dom.minidom\n"
    made = sessions({"conftest.py": conftest, "test_a.py": "def test_it(): pass\n"})
    made.run(warm=False)
    imports = Imports.read(made.modules)
    assert imports is not None
    assert imports.sets_variables
    assert imports.steps.index(("EARLY", "yes")) < imports.steps.index("xml.dom.minidom")
    assert made.run(warm=True) == ["passed"]


def test_a_clock_is_set_in_libraries_that_a_parent_has_imported(sessions):
    test = "import xmlrpc.client\ndef test_it(): assert xmlrpc.client.datetime.now().year == 2001\n"
    made = sessions({"test_a.py": test})
    assert made.run(warm=False) == ["failed"]
    assert "xmlrpc.client" in Imports.read(made.modules).collected
    in_2001 = {"clock": {"at": 1_000_000_000.0}}
    assert made.run(warm=False, instruments=in_2001) == ["passed"]
    assert made.run(warm=True, instruments=in_2001) == ["passed"]
    assert made.forks == [False, False, True]


class Server:
    alive = True


NUMPY = Imports(("json", "numpy"))


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({"APP_MODE": "2"}, True),
        ({"TZ": "Asia/Tokyo"}, True),
        ({"TRIAGE_RECORD": "x", "PYTHONPATH": "/y", "PYTEST_ADDOPTS": "-x"}, True),
        ({"LC_ALL": "C"}, False),
        ({"PYTHONUTF8": "1"}, False),
        ({"OMP_NUM_THREADS": "1"}, False),
        ({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, False),
        ({"MPLBACKEND": "Agg"}, False),
    ],
)
def test_a_parent_fits_what_differs_in_nothing_that_it_has_read(changed, fits):
    env = {"APP_MODE": "1", "HOME": "/root"}
    parent = _Parent(Server(), env, NUMPY, frozenset({"MPLBACKEND"}))
    assert parent.fits({**env, **changed}, NUMPY) is fits


@pytest.mark.parametrize(
    ("imports", "fits"),
    [
        (Imports(("json", "numpy"), later=("numpy.testing",)), True),
        (Imports(("json",)), False),
        (Imports(("numpy", "json")), False),
        (Imports(("json", "numpy"), collected=("numpy",)), False),
    ],
)
def test_a_parent_fits_sessions_that_import_the_same_in_the_same_order(imports, fits):
    assert _Parent(Server(), {}, NUMPY, frozenset()).fits({}, imports) is fits


def test_a_parent_whose_modules_copied_the_environment_fits_no_other():
    parent = _Parent(Server(), {"A": "1"}, NUMPY, frozenset({"*"}))
    assert parent.fits({"A": "1", "TRIAGE_RECORD": "x"}, NUMPY)
    assert not parent.fits({"A": "2"}, NUMPY)
