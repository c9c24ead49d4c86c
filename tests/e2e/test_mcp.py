"""`triage mcp` through the SDK's own client over stdio: from red to resolved by its tools alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.fixtures.projects import ENVIRONMENT, Project

MOST = 20_000
LEAK = """\
import os


def test_fast_mode():
    os.environ["MODE"] = "fast"
    assert os.environ["MODE"] == "fast"


def test_default_mode():
    assert os.environ.get("MODE", "slow") == "slow"
"""
SLOW = "import time\n\n\ndef test_slow():\n    time.sleep(60)\n    assert [] == [1]\n"
LOOKS = {"next", "status", "clusters", "results", "show", "explain", "history", "flaky", "more"}
WORK = {"run", "probe", "design", "verify", "hunt"}


@pytest.fixture
def leak(tmp_path):
    made = Project(tmp_path / "project")
    made.root.mkdir()
    made.file("pyproject.toml", "[tool.pytest.ini_options]\n[tool.triage]\nreruns = 1\nrepeats = 3\n")
    made.file(".gitignore", "/.triage/\n__pycache__/\n").file("tests/test_mode.py", LEAK)
    return made.commit()


@asynccontextmanager
async def served(project, *options):
    """A session with a server of its own for the project."""
    # a second to import: paid by the worker that has these tests, not by all that collect them
    from mcp import ClientSession, StdioServerParameters, stdio_client

    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "triage", "mcp", *options],
        cwd=str(project.root),
        env={**os.environ, **ENVIRONMENT},
    )
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def call(session, tool, **arguments):
    """The document of an answer, which is never longer than it may be."""
    answer = await session.call_tool(tool, arguments)
    (content,) = answer.content
    assert len(content.text.encode()) <= MOST
    assert not answer.is_error, content.text
    return json.loads(content.text)


async def error_of(session, tool, **arguments):
    answer = await session.call_tool(tool, arguments)
    assert answer.is_error
    text = answer.content[0].text
    return json.loads(text[text.index("{") :])["error"]["slug"] if "{" in text else text


@pytest.mark.slow
def test_from_red_to_resolved(leak):
    async def session():
        async with served(leak, "--write") as agent:
            first = (await call(agent, "next"))["steps"][0]
            assert first["command"] == "triage run"
            ran = await call(agent, "run")
            assert ran["exit_code"] == 1
            cluster = (await call(agent, "clusters"))["clusters"][0]["id"]
            step = (await call(agent, "next"))["steps"][0]
            assert step["command"] == f"triage probe {cluster}"
            lines = []

            async def heard(_progress, _total, message):
                lines.append(message)

            answer = await agent.call_tool("probe", {"subject": cluster}, progress_callback=heard)
            cause = json.loads(answer.content[0].text)["root_cause"]
            assert (cause["kind"], cause["confidence"]) == ("order-dependent", "proven")
            assert "tests/test_mode.py::test_fast_mode" in cause["culprits"]
            assert lines, "a long call says how far it is"
            shown = await call(agent, "show", cluster=cluster)
            assert shown["next"] == f"triage design {cluster}"
            designed = await call(agent, "design", cluster=cluster)
            assert designed["recommended"]
            # the one thing that is no tool of triage: the edit, by the command that the design names
            subprocess.run(["bash", "-c", designed["commands"]["apply"]], cwd=leak.root, check=True)
            verified = await call(agent, "verify", cluster=cluster)
            assert verified["resolved"]
            assert (await call(agent, "status"))["by_status"] == {"resolved": 1}

    anyio.run(session)


@pytest.mark.slow
def test_without_write_there_is_nothing_that_writes_and_errors_have_slugs(leak):
    assert leak.triage("run").code == 1

    async def session():
        async with served(leak) as agent:
            offered = (await agent.list_tools()).tools
            assert {tool.name for tool in offered} == LOOKS
            assert all(tool.annotations.read_only_hint for tool in offered)
            assert all(tool.description for tool in offered)
            assert await error_of(agent, "show", cluster="C999") == "unknown-cluster"
            # a node id that looks like an option is none
            assert await error_of(agent, "history", nodeid="--help") == "unknown-nodeid"
            one = await call(agent, "results", only=[], limit=1)
            two = await call(agent, "results", only=[], limit=1, cursor=one["next_cursor"])
            nodeids = [page["results"][0]["nodeid"] for page in (one, two)]
            assert nodeids == ["tests/test_mode.py::test_fast_mode", "tests/test_mode.py::test_default_mode"]
        async with served(leak, "--write") as agent:
            assert {tool.name for tool in (await agent.list_tools()).tools} == LOOKS | WORK

    before = leak.git("status", "--short")
    anyio.run(session)
    assert leak.git("status", "--short") == before


@pytest.mark.slow
def test_a_cancelled_call_ends_the_command_and_the_server_goes_on(leak):
    leak.file("tests/test_slow.py", SLOW)

    async def session():
        async with served(leak, "--write") as agent:
            with anyio.move_on_after(6):
                await agent.call_tool("run", {"selectors": ["tests/test_slow.py"]})
            deadline = anyio.current_time() + 60
            while running(leak.root) and anyio.current_time() < deadline:
                await anyio.sleep(0.2)
            assert running(leak.root) == []
            assert (await call(agent, "next"))["steps"]

    anyio.run(session)


def running(root):
    """Processes of a run that have the project as their folder."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(root) and "run" in words and "triage" in words:
            found.append(words)
    return found
