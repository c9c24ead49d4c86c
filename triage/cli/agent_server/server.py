"""The server: each tool is a command with --json in a process of its own, so answers are those of a shell.

Without `--write` only what looks is offered. What runs tests takes minutes: its lines of progress are passed
on, and a cancelled call ends the command as Ctrl-C does.
"""

# The annotations are read where a tool is added, so they are values and no texts.

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from triage.cli.agent_server.bounded import Answers, text_of
from triage.errors import UsageError
from triage.process.own_command import run_triage

INSTRUCTIONS = """\
triage turns a red pytest suite into root causes, each proven by a controlled experiment, and tracks them to
green. Order: next (what to do now) > run > clusters > probe CLUSTER > show CLUSTER > design CLUSTER > apply
the recommended repair (design names the command) > verify CLUSTER.
`confidence: proven` with `claim: cause` means that an experiment showed it; a `condition` only flips the
test, and `likely` and `unknown` are no proof. A cluster is resolved by verify alone: never loosen, skip or
delete a test, and never edit plans/ or reports/ by hand. Answers hold at most 20 KB: `cut` names what is left
out, and the tool `more` gives it."""

_LOOKS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False)

Limit = Annotated[int, Field(ge=1, le=500, description="At most so many rows.")]
Cursor = Annotated[str | None, Field(description="`next_cursor` of the page before.")]
ClusterId = Annotated[str, Field(description="Such as C19.")]
Budget = Annotated[float, Field(gt=0, description="Seconds that it may take.")]
Patches = Annotated[
    Sequence[str], Field(description="Patch files to compare; none: what the probe proposed.")
]
CutCursor = Annotated[str, Field(description="A cursor of `cut`, or `next_cursor` of `more`.")]


class _Commands:
    """Runs commands on one suite; keeps the last answers whole."""

    def __init__(self, root: Path, output: str | None) -> None:
        self._root = root
        self._where = ["--root", str(root), *(["--output", output] if output else [])]
        self._answers = Answers()

    async def answer(
        self, context: Context, command: str, options: Sequence[str] = (), words: Sequence[str] = ()
    ) -> str:
        """What a command says with --json, cut to size. Raises ToolError where it says that it failed."""
        steps = 0

        async def on_line(line: str) -> None:
            nonlocal steps
            steps += 1
            await context.report_progress(steps, None, line)

        # node ids stand behind the dashes: none of them is an option, whatever it begins with
        behind = ["--", *words] if words else []
        argv = [command, "--json", *self._where, *options, *behind]
        done = await run_triage(argv, self._root, on_line)
        try:
            document: dict[str, Any] = json.loads(done.out)
        except ValueError:
            raise ToolError(done.said[-2000:] or f"triage {command} gave no answer") from None
        if "error" in document:
            raise ToolError(text_of(document))
        return text_of(self._answers.bounded({**document, "exit_code": done.code}))

    async def page(
        self,
        context: Context,
        command: str,
        limit: int,
        cursor: str | None,
        *,
        options: Sequence[str] = (),
        words: Sequence[str] = (),
    ) -> str:
        """A page of a command that lists."""
        from_cursor = ["--cursor", cursor] if cursor else []
        return await self.answer(context, command, [*options, "--limit", str(limit), *from_cursor], words)

    def more(self, cursor: str) -> str:
        """The next part of what an answer left out."""
        try:
            return text_of(self._answers.more(cursor))
        except UsageError as error:
            raise ToolError(str(error)) from error


class LookTools:
    """The tools that change nothing; the sentence of each is what an agent reads."""

    def __init__(self, commands: _Commands) -> None:
        self._commands = commands

    async def next(self, context: Context, limit: Limit = 10) -> str:
        """What to do next, most urgent first, each with its command and its reason."""
        return await self._commands.answer(context, "next", ["--limit", str(limit)])

    async def status(self, context: Context, limit: Limit = 30, cursor: Cursor = None) -> str:
        """Where the campaign stands: the latest run, clusters in few words, what is next."""
        return await self._commands.page(context, "status", limit, cursor)

    async def clusters(
        self, context: Context, everything: bool = False, limit: Limit = 10, cursor: Cursor = None
    ) -> str:
        """Clusters of the latest run: members, cause, why they are one. everything: resolved ones too."""
        options = ["--all"] if everything else []
        return await self._commands.page(context, "clusters", limit, cursor, options=options)

    async def results(
        self,
        context: Context,
        only: Sequence[str] = ("failed", "error", "crashed", "timeout"),
        limit: Limit = 30,
        cursor: Cursor = None,
    ) -> str:
        """Tests of the latest run with these outcomes (an empty list: all), with their failures."""
        options = [word for outcome in only for word in ("--only", outcome)]
        return await self._commands.page(context, "results", limit, cursor, options=options)

    async def show(self, context: Context, cluster: ClusterId) -> str:
        """All that is known of one cluster: members, cause, what was tried, what is next."""
        return await self._commands.answer(context, "show", words=[cluster])

    async def explain(self, context: Context, cluster: ClusterId, nodeid: str | None = None) -> str:
        """Why failures are in one cluster; with a node id, why that test is (not) in it."""
        asked_about = [nodeid] if nodeid else []
        return await self._commands.answer(context, "explain", words=[cluster, *asked_about])

    async def history(self, context: Context, nodeid: str, limit: Limit = 30, cursor: Cursor = None) -> str:
        """How one test fared over the runs, newest first, and how flaky it is."""
        return await self._commands.page(context, "history", limit, cursor, words=[nodeid])

    async def flaky(self, context: Context, limit: Limit = 30, cursor: Cursor = None) -> str:
        """Tests that are red and green without a change between, by failure rate."""
        return await self._commands.page(context, "flaky", limit, cursor)

    async def more(self, cursor: CutCursor) -> str:
        """The next part of a list or text that an answer has cut."""
        return self._commands.more(cursor)


class WriteTools:
    """The tools that run tests and record what came of it."""

    def __init__(self, commands: _Commands) -> None:
        self._commands = commands

    async def run(self, context: Context, selectors: Sequence[str] = (), base: str | None = None) -> str:
        """Run the suite, or some files or node ids, and cluster what failed; exit_code 1: new failures."""
        for selector in selectors:  # behind the dashes words are pytest's here
            if selector.startswith("-"):
                raise ToolError(f"{selector!r} is no file, folder or node id")
        against = ["--base", base] if base else []
        return await self._commands.answer(context, "run", [*against, *selectors])

    async def probe(self, context: Context, subject: str, budget: Budget = 600) -> str:
        """Find by controlled experiments why a cluster or a test fails. Takes minutes; may be cancelled."""
        return await self._commands.answer(context, "probe", ["--budget", f"{budget:g}"], [subject])

    async def design(self, context: Context, cluster: ClusterId, patches: Patches = ()) -> str:
        """Compare repairs by running them in a scratch copy; `commands.apply` applies the recommended one."""
        options = [word for patch in patches for word in ("--option", patch)]
        return await self._commands.answer(context, "design", options, [cluster])

    async def verify(self, context: Context, cluster: ClusterId) -> str:
        """Run the exit criteria on the present tree; only this resolves a cluster. exit_code 1: unmet."""
        return await self._commands.answer(context, "verify", words=[cluster])

    async def hunt(self, context: Context, selectors: Sequence[str] = (), budget: Budget = 600) -> str:
        """Look for tests that are green only by luck: other orders, dates, surroundings. Takes minutes."""
        return await self._commands.answer(context, "hunt", ["--budget", f"{budget:g}"], list(selectors))


def make_server(root: Path, output: str | None, *, write: bool) -> MCPServer:
    """A server for the suite at `root`; with `write` it offers what runs tests and records."""
    server = MCPServer("triage", instructions=INSTRUCTIONS, log_level="WARNING")
    commands = _Commands(root, output)
    looks = LookTools(commands)
    listed = (
        looks.next, looks.status, looks.clusters, looks.results, looks.show, looks.explain, looks.history,
        looks.flaky, looks.more,
    )  # fmt: skip
    _add(server, listed, _LOOKS)
    if write:
        work = WriteTools(commands)
        _add(server, (work.run, work.probe, work.design, work.verify, work.hunt), _WRITES)
    return server


def _add(server: MCPServer, tools: Sequence[Callable[..., Any]], annotations: ToolAnnotations) -> None:
    for tool in tools:
        server.add_tool(tool, annotations=annotations, structured_output=False)
