"""Make a project ready: settings, ledgers, git attributes. What is there already is kept."""

from __future__ import annotations

import os
from pathlib import Path

from triage.campaign.decide import templates_of
from triage.campaign.services import Services
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import update_ledgers
from triage.errors import UsageError
from triage.evidence.atomic import write_bytes, write_text
from triage.model.journal import NumberingStarted
from triage.model.run import DEFAULT_TEST_TIMEOUT
from triage.process.git import Repository

UNION = "plans/journal.jsonl merge=union"
IGNORED = "/.triage/"
COMMENTED = f"""\
# `triage config` prints every setting with its meaning and its origin.
campaign = "triage"
workers = {{workers}}
test-timeout = {DEFAULT_TEST_TIMEOUT:g}
"""
"""What `init` writes into `[tool.triage]`, with a place for the number of workers."""
_MOST_WORKERS = 8
"""More processes than this seldom help a suite, and their memory adds up: somebody should decide it."""


def set_up(services: Services, next_cluster: int | None) -> list[str]:
    """Write what is missing; returns a line for each thing written, and why.

    Raises UsageError where numbering would go back below an id that is allotted.
    """
    done = []
    with services.decision_lock():
        before = services.registry()
        started = _numbering(before, services, next_cluster)
        services.append(before, started)
        done += [f"plans/journal.jsonl: numbering goes on at C{event.next}" for event in started]
        if _write_settings(services.root / "pyproject.toml"):
            why = "triage reads its settings there, whatever file configures pytest"
            done.append(f"pyproject.toml: [tool.triage] ({why})")
        done += _tell_git(services.root)
        done.extend(update_ledgers(services.output, services.registry(), templates_of(services)))
    return done


def _tell_git(root: Path) -> list[str]:
    """Say in git's own files how to treat what triage writes; outside of a repository they have no reader."""
    if Repository.find(root) is None:
        return ["nothing for git: this is in no git repository (give 'triage init' again once it is)"]
    done = []
    for name, line, why in (
        (".gitattributes", UNION, "so that the journals of two branches merge"),
        (".gitignore", IGNORED, "locks and the history: a view of the evidence"),
    ):
        if _append_line(root / name, line):
            done.append(f"{name}: {line} ({why})")
    return done


def sensible_workers() -> int:
    """As many as processors that this process may use, within reason."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no such call
        processors = os.cpu_count() or 1
    return max(1, min(processors, _MOST_WORKERS))


def _numbering(
    registry: ClusterRegistry, services: Services, following: int | None
) -> list[NumberingStarted]:
    if following is None or following == registry.next_number:
        return []
    if following < registry.next_number:
        raise UsageError(
            "numbering-back",
            f"C{following} is below C{registry.next_number}, the next free number: ids are never reused",
            f"leave --next-cluster out, or give at least {registry.next_number}",
        )
    factory = registry.event_factory(services.world.timestamp(), services.world.actor)
    return [factory.make(NumberingStarted, next=following)]


def _write_settings(path: Path) -> bool:
    """Append [tool.triage]; False where there is one."""
    import tomlkit

    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        document = tomlkit.parse(text)
    except tomlkit.exceptions.ParseError as error:
        raise UsageError("bad-pyproject", f"{path}: {error}", "mend the file") from error
    if "triage" in document.get("tool", {}):
        return False
    gap = ""
    if text and not text.endswith("\n\n"):
        gap = "\n" if text.endswith("\n") else "\n\n"
    settings = COMMENTED.format(workers=sensible_workers())
    write_text(path, f"{text}{gap}[tool.triage]\n{settings}")
    return True


def _append_line(path: Path, line: str) -> bool:
    """Append a line to a file, made where there is none; False where it is there."""
    data = path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
    if line in (present.strip() for present in data.split("\n")):
        return False
    gap = "" if not data or data.endswith("\n") else "\n"
    write_bytes(path, f"{data}{gap}{line}\n".encode("utf-8", "surrogateescape"), follow_symlink=True)
    return True
