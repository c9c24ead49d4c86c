"""`triage mcp` on a suite of 20,000 tests: how large each answer is, and how long it takes.

The suite is one report that is generated and imported; the tools are called by the SDK's own client.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import escape

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client

from triage.cli.agent_server.bounded import MOST_BYTES

TESTS = 20_000
_RED_EVERY = 20
_REASONS = 45
"""Divides the tests of a file and the red ones unevenly: large clusters and small ones."""
_LINES = 60
"""Of the text of a failure: as much as pytest shows of a long test."""
_TESTS_OF_A_FILE = 100


def main() -> int:
    """Print the size of each answer; 1 where one is larger than it may be."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        (root / "pyproject.toml").write_text("[tool.triage]\n", encoding="utf-8")
        (root / "report.xml").write_text(_report(), encoding="utf-8")
        words = [sys.executable, "-m", "triage", "import", "report.xml"]
        subprocess.run(words, cwd=root, check=False, capture_output=True)
        return anyio.run(_ask, root)


def _report() -> str:
    cases = "".join(_case(number) for number in range(TESTS))
    red = len(range(0, TESTS, _RED_EVERY))
    counts = f'tests="{TESTS}" failures="{red}" errors="0" skipped="0"'
    return f'<testsuites><testsuite name="suite" {counts}>{cases}</testsuite></testsuites>'


def _case(number: int) -> str:
    file = f"tests/test_{number // _TESTS_OF_A_FILE}.py"
    name = f"test_case[{number}-a long parameter, as suites have them]"
    opened = f'<testcase classname="{file[:-3].replace("/", ".")}" name="{name}" file="{file}" time="0.01">'
    if number % _RED_EVERY:
        return f"{opened}</testcase>"
    reason = number // _RED_EVERY % _REASONS
    message = f"ValueError: reason {chr(97 + reason % 26) * 3} number {reason} of the whole: {'x' * 200}"
    source = "\n".join(f"    line {line} of the source" for line in range(_LINES))
    text = f"def test_case():\n{source}\nE   {message}\n\n{file}:{reason + 1}: ValueError"
    return f'{opened}<failure message="{escape(message)}">{escape(text)}</failure></testcase>'


async def _ask(root: Path) -> int:
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "triage", "mcp"], cwd=str(root))
    status = 0
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        for tool, arguments in _calls().items():
            started = time.monotonic()
            answer = await session.call_tool(tool, arguments)
            size = len(answer.content[0].text.encode())
            note = "" if size <= MOST_BYTES and not answer.is_error else "  TOO LARGE, or an error"
            status = 1 if note else status
            print(f"  {tool:<10} {size:>6} bytes  {time.monotonic() - started:.1f} s{note}")
    print(f"{TESTS:,} tests; an answer may have {MOST_BYTES:,} bytes")
    return status


def _calls() -> dict[str, dict[str, object]]:
    """Each tool that looks, asked for as much as it gives."""
    nodeid = "tests/test_0.py::test_case[0-a long parameter, as suites have them]"
    return {
        "next": {"limit": 500},
        "status": {"limit": 500},
        "clusters": {"everything": True, "limit": 500},
        "results": {"only": [], "limit": 500},
        "show": {"cluster": "C1"},
        "explain": {"cluster": "C1"},
        "history": {"nodeid": nodeid, "limit": 500},
        "flaky": {"limit": 500},
    }
