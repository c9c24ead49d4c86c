"""pytest-json-report in the process under test: there where somebody asks for its report, and else not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPORT = {"json_report": "report.json"}
PLANNED = {"exact": [["test_it.py::test_it", 0]]}
SUITE = """
def test_it(request):
    print("registered:", request.config.pluginmanager.has_plugin("pytest_jsonreport"))
"""
USES = {
    "conftest.py": "def pytest_json_runtest_metadata(item, call): return {}\n",
    "test_it.py": SUITE.replace("(request)", "(request, json_metadata)") + "    json_metadata['a'] = 1\n",
}
"""A suite that uses a hook and the fixture of the plugin, whoever reports."""


def run(
    root: Path,
    *arguments: str,
    settings: dict[str, object] | None = None,
    files: dict[str, str] | None = None,
    **environ: str,
) -> str:
    """What a process under test prints that is started as the harness starts one."""
    for name, text in ({"test_it.py": SUITE} | (files or {})).items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "settings.json").write_text(json.dumps({"record": str(root / "record"), **(settings or {})}))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "triage.recorder.plugin", "-rP", *arguments, "test_it.py"],
        cwd=root,
        env=inherited | {"TRIAGE_RECORD": str(root / "settings.json")} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.parametrize("settings", [None, REPORT | PLANNED | {"json_report_limit": 0}])
def test_it_is_not_there_where_no_report_is_wanted(tmp_path, settings):
    assert "registered: False" in run(tmp_path, settings=settings)


def test_it_is_there_for_a_chunks_report(tmp_path):
    assert "registered: True" in run(tmp_path, settings=REPORT | PLANNED)
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["total"] == 1


@pytest.mark.parametrize(
    "arguments", [("--json-report",), ("-p", "pytest_jsonreport"), ("--json-report-file=none",)]
)
def test_it_is_there_for_an_option_of_the_suites(tmp_path, arguments):
    assert "registered: True" in run(tmp_path, *arguments)


@pytest.mark.parametrize("options", ["--json-report", "-p pytest_jsonreport"])
def test_it_is_there_for_an_option_in_the_configuration(tmp_path, options):
    assert "registered: True" in run(tmp_path, files={"pytest.ini": f"[pytest]\naddopts = {options}\n"})


@pytest.mark.parametrize(
    "environ", [{"PYTEST_ADDOPTS": "--json-report"}, {"PYTEST_PLUGINS": "pytest_jsonreport"}]
)
def test_it_is_there_for_a_variable(tmp_path, environ):
    assert "registered: True" in run(tmp_path, **environ)


def test_a_suite_that_uses_its_hooks_and_fixture_runs_without_it(tmp_path):
    assert "registered: False" in run(tmp_path, files=USES)


@pytest.mark.parametrize("name", ["pytest_jsonreport", "pytest_jsonreport.plugin"])
def test_a_conftest_that_names_it_is_served(tmp_path, name):
    conftest = f"pytest_plugins = ['{name}']\n" + USES["conftest.py"]
    assert "1 passed" in run(tmp_path, files=USES | {"conftest.py": conftest})
