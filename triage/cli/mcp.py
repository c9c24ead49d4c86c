"""`triage mcp`: a server for coding agents."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.errors import UsageError


@app_command(
    json_output=False,
    epilog=examples(
        "triage mcp                          # a client starts this: see docs/agents.md",
        "triage mcp --write",
        "triage --root services/api mcp --write",
    ),
)
@click.option(
    "--write", is_flag=True, help="Offer what runs tests and records: run, probe, design, verify, hunt."
)
def mcp_command(app: App, write: bool) -> None:
    """Serve the commands as tools of the Model Context Protocol, on standard input and output.

    Answers are those of --json, cut to 20 KB. Without --write nothing is run and nothing is recorded. Needs
    the extra: pip install 'triage-lab[mcp]'.
    """
    try:
        from triage.cli.agent_server.server import make_server
    except ModuleNotFoundError as error:
        what = f"the package {error.name!r} is not installed"
        raise UsageError("no-mcp", what, "pip install 'triage-lab[mcp]'") from error
    output = str(app.output) if app.output != app.root else None
    make_server(app.root, output, write=write).run("stdio")
