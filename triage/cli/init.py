"""`triage init`: settings for the suite at hand, a pipeline, a page for agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.cli.json_documents.project import FileRow, InitDocument, ProposalRow
from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.campaign.init.pipelines import System
    from triage.campaign.init.set_up import NewText
    from triage.campaign.init.suite_facts import SuiteFacts

_SYSTEMS = ("github", "gitlab", "jenkins", "azure")


@app_command(
    epilog=examples(
        "triage init",
        "triage init --dry-run",
        "triage init --next-cluster 19",
        "triage init --ci github --agents",
        "triage init --ci gitlab --shards 6 --ci-file ci/triage.yml",
    )
)
@click.option(
    "--next-cluster",
    type=click.IntRange(1),
    metavar="N",
    help="Go on numbering where a hand-made tracker stopped.",
)
@click.option("--ci", type=click.Choice(_SYSTEMS), help="Write a pipeline for this system, too.")
@click.option(
    "--ci-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Where the pipeline goes; default: where the system looks.",
)
@click.option("--shards", type=click.IntRange(1, 100), metavar="N", help="Machines of the pipeline.")
@click.option(
    "--triage",
    "requirement",
    default="triage-lab",
    show_default=True,
    metavar="REQUIREMENT",
    help="What the pipeline's pip installs triage from.",
)
@click.option("--agents", is_flag=True, help="Write a section for coding agents into AGENTS.md, too.")
@click.option("--force", is_flag=True, help="Write over a pipeline that is there.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
def init_command(
    app: App,
    *,
    next_cluster: int | None,
    ci: System | None,
    ci_file: Path | None,
    shards: int | None,
    requirement: str,
    agents: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Look at the suite and write [tool.triage], the ledgers and .gitattributes; what is there is kept.

    Each setting stands with its reason. A pipeline runs the suite in shards, judges all of them against the
    base of the change, keeps report and evidence as artifacts, and looks for latent flaky tests at night.
    """
    from triage.campaign.init.agents_page import agents_page
    from triage.campaign.init.proposals import remarks
    from triage.campaign.init.set_up import new_files, proposed_settings, set_up, would_set_up, write
    from triage.campaign.init.suite_facts import suite_facts

    if ci is None and (ci_file is not None or shards is not None):
        raise UsageError("usage", "--ci-file and --shards are about a pipeline", "name its system by --ci")
    services = wiring.services(app)
    facts = suite_facts(app.root)
    proposed = proposed_settings(app.root, facts)
    wanted: list[NewText] = []
    if ci is not None:
        wanted.append(_pipeline(app, facts, ci, file=ci_file, shards=shards, requirement=requirement))
    files = new_files(app.root, wanted, force=force)
    page = agents_page(app.root) if agents else None
    if page is not None:
        files = (*files, page)
    done = (would_set_up if dry_run else set_up)(services, next_cluster, proposed)
    for new in files:
        done.append(f"{app.relative(new.path)}: {new.why}")
        if not dry_run:
            write(new)
    document = InitDocument(
        root=str(app.root),
        written=tuple(done),
        dry_run=dry_run,
        proposals=tuple(ProposalRow(**each.model_dump()) for each in proposed),
        remarks=remarks(facts if ci is None else facts.model_copy(update={"runs_triage": True})),
        files=tuple(FileRow(path=app.relative(new.path), text=new.text) for new in files),
    )
    app.emit(document)
    _say(app, document, ci)


def _pipeline(
    app: App, facts: SuiteFacts, ci: System, *, file: Path | None, shards: int | None, requirement: str
) -> NewText:
    """The file of the pipeline with its text."""
    from triage.campaign.init.pipelines import FILES, PipelineRequest, pipeline, shards_for
    from triage.campaign.init.set_up import NewText
    from triage.documents.render import project_templates

    number = shards or shards_for(facts)
    request = PipelineRequest(
        system=ci, shards=number, requirement=requirement, default_branch=_default_branch(app.root)
    )
    text = pipeline(request, facts, project_templates(app.root, app.settings.templates))
    path = file.absolute() if file is not None else app.root / FILES[ci]
    reason = f"{number} shards for {facts.tests} test functions, Python {facts.python}"
    return NewText(path=path, text=text, why=f"a pipeline for {ci} ({reason})")


def _default_branch(root: Path) -> str:
    from triage.process.git import Repository
    from triage.process.git_base import default_branch

    repository = Repository.find(root)
    found = default_branch(repository) if repository is not None else None
    return found[0].removeprefix("origin/") if found is not None else "main"


def _say(app: App, document: InitDocument, ci: str | None) -> None:
    if document.dry_run:
        app.say("a dry run: nothing is written")
    for line in document.written or ("everything is there already",):
        app.say(line)
    if any(line.startswith("pyproject.toml") for line in document.written):
        for each in document.proposals:
            app.say(f"  {each.name} = {each.value}  ({each.reason})")
    for remark in document.remarks:
        app.say(f"note: {remark}")
    if document.dry_run:
        for file in document.files:
            app.say(f"\n--- {file.path}\n{file.text}")
    if ci is not None:
        app.say("next: commit it")
    app.say("next: triage run")
