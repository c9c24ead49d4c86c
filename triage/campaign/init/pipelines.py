"""Write a CI pipeline for a suite: shards, one job that judges them together, a report, a nightly hunt.

The four systems share their shell: what differs is how jobs, artifacts and caches are spelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Literal, get_args

from triage.campaign.init import comment_script
from triage.campaign.init.suite_facts import SuiteFacts
from triage.model.base import Value

System = Literal["github", "gitlab", "jenkins", "azure"]
SYSTEMS: tuple[System, ...] = get_args(System)

FILES: dict[System, str] = {
    "github": ".github/workflows/triage.yml",
    "gitlab": ".gitlab-ci.yml",
    "jenkins": "Jenkinsfile",
    "azure": "azure-pipelines.yml",
}
"""Where each system looks."""
_TEMPLATES: dict[System, str] = {
    "github": "ci/github.yml.j2",
    "gitlab": "ci/gitlab.yml.j2",
    "jenkins": "ci/jenkins.j2",
    "azure": "ci/azure.yml.j2",
}
WORK = ".triage/ci"
"""What a job writes lies here: git and pytest pass it over, and no evidence of the checkout mixes in."""
REQUIREMENT = "triage-lab"
_COMMENT_SERVICES: dict[System, str] = {"gitlab": "gitlab", "azure": "azure"}
"""Those that are their own forge; Jenkins says which change it builds, and GitHub has a program for it."""

_TESTS_OF_A_SHARD = 250
_MOST_SHARDS = 8
"""More machines than this should be somebody's decision."""
HUNT_SECONDS = 1800
"""Half an hour of a night."""


class PipelineRequest(Value):
    """A pipeline that somebody wants."""

    system: System
    shards: int | None = None
    """None lets the size of the suite decide."""
    requirement: str = REQUIREMENT
    """What pip installs triage from."""
    default_branch: str = "main"


def pipeline(request: PipelineRequest, facts: SuiteFacts, templates: Mapping[str, str]) -> str:
    """The text of the pipeline; `templates` are those of the project."""
    import jinja2  # only `init --ci` writes pipelines

    # the usual braces are GitHub's own
    environment = jinja2.Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    template = environment.from_string(templates[_TEMPLATES[request.system]])
    return template.render(_values(request, facts))


def shards_for(facts: SuiteFacts) -> int:
    """Two at least, so that a pipeline shows how it goes on; a further one for each few hundred tests."""
    wanted = math.ceil(facts.tests / _TESTS_OF_A_SHARD)
    return max(2, min(wanted, _MOST_SHARDS))


def _values(request: PipelineRequest, facts: SuiteFacts) -> dict[str, object]:
    shards = request.shards or shards_for(facts)
    install_triage = f"python -m pip install {quote(request.requirement)}"
    return {
        "shards": shards,
        "quoted_shards": ", ".join(f"'{number}'" for number in range(1, shards + 1)),
        "python": facts.python,
        "default_branch": request.default_branch,
        "work": WORK,
        "install": "\n".join(("python -m pip install --upgrade pip", *facts.installs, install_triage)),
        "install_triage": install_triage,
        "shard": _SHARD,
        "collect": _COLLECT,
        "report": _report(request.system),
        "nightly": f"triage hunt --gate --budget {HUNT_SECONDS}",
        "comment": _comment(_COMMENT_SERVICES.get(request.system, "change")),
        "fetch_target": _FETCH_TARGET,
    }


_SHARD = """\
code=0
triage run --shard "$SHARD" --base auto --no-ledgers --no-history || code=$?
# 1 (red tests) and 3 (no answer) are for the job that sees all shards
case "$code" in 0 | 1 | 3) ;; *) exit "$code" ;; esac"""

_COLLECT = f"""\
# without the secret (pull requests of forks have none) the history is a file
if [ -z "${{TRIAGE_STORE:-}}" ]; then unset TRIAGE_STORE; fi
triage collect --shards {WORK}/shards --no-ledgers"""

_FETCH_TARGET = """\
if [ -n "${CHANGE_TARGET:-}" ]; then
    git fetch --no-tags origin "+refs/heads/$CHANGE_TARGET:refs/remotes/origin/$CHANGE_TARGET"
fi"""


def _comment(service: str) -> str:
    """Put the comment on the request; the script goes along, so that a job needs nothing but Python."""
    script = Path(comment_script.__file__).read_text("utf-8").strip()
    return f"""\
mkdir -p {WORK}
cat > {WORK}/comment.py <<'END'
{script}
END
python {WORK}/comment.py {service} {WORK}/report/comment.md"""


def _report(system: System) -> str:
    """The report of the joined run, in the forms that the system shows."""
    folder = f"{WORK}/report"
    files = f"--html {folder}/index.html --junit {folder}/junit.xml --markdown {folder}/comment.md"
    on_github = " --github" if system == "github" else ""
    lines = [f"mkdir -p {folder}", f"triage report {files}{on_github}"]
    if system == "gitlab":
        lines.append(f"triage report --gitlab > {folder}/code-quality.json")
    return "\n".join(lines)
