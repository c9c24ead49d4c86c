"""Propose settings for a suite, each with its reason: pure, from what its files say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triage.campaign.init.suite_facts import SuiteFacts
from triage.model.base import Value
from triage.model.run import DEFAULT_TEST_TIMEOUT
from triage.text.plural import counted_noun

MOST_WORKERS = 8
"""More processes than this seldom help a suite, and their memory adds up: somebody should decide it."""


class Proposal(Value):
    """A setting of `[tool.triage]`, and why."""

    name: str
    """As pyproject.toml spells it."""
    value: Any
    reason: str


def proposals(facts: SuiteFacts, processors: int, own_python: str) -> tuple[Proposal, ...]:
    """The settings that `triage init` writes.

    `processors` are those that this process may use; `own_python` is the interpreter that runs triage, as
    the project's files would name it, and empty where it lies elsewhere.
    """
    return (
        Proposal(name="campaign", value="triage", reason="the folder under reports/"),
        _workers(facts, processors),
        _test_timeout(facts),
        *_selectors(facts),
        *_python(facts, own_python),
    )


def remarks(facts: SuiteFacts) -> tuple[str, ...]:
    """What somebody should know of the suite before it runs under triage; each says what to do."""
    return tuple(_remarks(facts))


def _workers(facts: SuiteFacts, processors: int) -> Proposal:
    number = max(1, min(processors, MOST_WORKERS))
    reason = f"this process may use {counted_noun(processors, 'processor')}"
    if facts.uses_xdist:
        reason += "; they replace the workers that addopts ask pytest-xdist for"
    return Proposal(name="workers", value=number, reason=reason)


def _test_timeout(facts: SuiteFacts) -> Proposal:
    if facts.timeout is not None:
        reason = f"twice the limit of pytest-timeout, which ends a test first ({facts.pytest_config})"
        return Proposal(name="test-timeout", value=2 * facts.timeout, reason=reason)
    reason = "seconds after which a test counts as hanging"
    return Proposal(name="test-timeout", value=DEFAULT_TEST_TIMEOUT, reason=reason)


def _selectors(facts: SuiteFacts) -> Iterator[Proposal]:
    """Where pytest would search the whole project, and all tests lie in one folder, that folder."""
    if facts.testpaths or len(facts.test_folders) != 1:
        return
    folder = facts.test_folders[0]
    if folder.endswith(".py") or folder == "src":
        return
    files = counted_noun(facts.test_files, "test file")
    reason = f"pytest has no testpaths here, and this folder holds what there is: {files}"
    yield Proposal(name="selectors", value=[folder], reason=reason)


def _python(facts: SuiteFacts, own_python: str) -> Iterator[Proposal]:
    """The interpreter that has the suite's packages, where triage runs under another one."""
    if not facts.environments or own_python in facts.environments:
        return
    reason = "this environment of the project has pytest, and triage runs under another interpreter"
    yield Proposal(name="python", value=facts.environments[0], reason=reason)


def _remarks(facts: SuiteFacts) -> Iterator[str]:
    if not facts.test_files:
        yield "no test file (test_*.py, *_test.py) lies below this folder: go to the suite, or pass --root"
    if facts.pytest_config is None:
        yield "pytest is not configured: an empty [tool.pytest.ini_options] in pyproject.toml names the root"
    if facts.is_src_layout and facts.installs:
        yield f"src layout: tests import the project as it is installed; run `{facts.installs[0]}` first"
    if facts.runners and not facts.environments:
        names = " and ".join(facts.runners)
        yield f"{names} runs the tests in environments of its own: set `python` to the interpreter of one"
    if facts.ci_files and not facts.runs_triage:
        yield f"there is a pipeline ({', '.join(facts.ci_files)}): 'triage init --ci' writes one for triage"
