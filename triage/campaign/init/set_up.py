"""Make a project ready: settings, ledgers, git attributes. What is there already is kept."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from triage.campaign.decide import templates_of
from triage.campaign.explanation import repairs_proposed
from triage.campaign.init.proposals import Proposal, proposals
from triage.campaign.init.suite_facts import SuiteFacts
from triage.campaign.services import Services
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import LEDGERS, update_ledgers
from triage.errors import UsageError, VoidError
from triage.evidence.atomic import write_bytes
from triage.model.base import Value
from triage.model.journal import NumberingStarted
from triage.process.git import Repository

UNION = "plans/journal.jsonl merge=union"
IGNORED = "/.triage/"


class NewText(Value):
    """A file that init would write, whole."""

    path: Path
    text: str
    why: str


def set_up(services: Services, next_cluster: int | None, proposed: Sequence[Proposal]) -> list[str]:
    """Write what is missing; returns a line for each thing written, and why.

    Raises UsageError where numbering would go back below an id that is allotted.
    """
    done = []
    with services.decision_lock():
        before = services.registry()
        started = _numbering(before, services, next_cluster)
        services.append(before, started)
        done += [f"plans/journal.jsonl: numbering goes on at C{event.next}" for event in started]
        for new in _files(services.root, proposed):
            write(new)
            done.append(_line(services.root, new))
        done += _without_git(services.root)
        registry = services.registry()
        repairs = repairs_proposed(services.output, registry)
        done.extend(update_ledgers(services.output, registry, templates_of(services), repairs))
    return done


def would_set_up(services: Services, next_cluster: int | None, proposed: Sequence[Proposal]) -> list[str]:
    """The lines of `set_up`, with nothing written."""
    started = _numbering(services.registry(), services, next_cluster)
    done = [f"plans/journal.jsonl: numbering goes on at C{event.next}" for event in started]
    done += [_line(services.root, new) for new in _files(services.root, proposed)]
    done += _without_git(services.root)
    missing = [ledger.path for ledger in LEDGERS if not (services.output / ledger.path).exists()]
    return done + [f"{name}: rendered from plans/journal.jsonl" for name in missing]


def write(new: NewText) -> None:
    """Write one file; a link in its place is followed, as an editor would."""
    new.path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(new.path, new.text.encode("utf-8", "surrogateescape"), follow_symlink=True)


def proposed_settings(root: Path, facts: SuiteFacts) -> tuple[Proposal, ...]:
    """Settings for the suite, on this machine and under this interpreter."""
    own = Path(sys.executable)
    own_name = own.relative_to(root).as_posix() if own.is_relative_to(root) else ""
    return proposals(facts, processors(), own_name)


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no such call
        return os.cpu_count() or 1


def settings_text(proposed: Sequence[Proposal]) -> str:
    """`[tool.triage]` with each setting and its reason."""
    lines = ["[tool.triage]", "# `triage config` prints every setting with its meaning and its origin."]
    written = [(f"{each.name} = {_toml_value(each.value)}", each.reason) for each in proposed]
    width = max((len(setting) for setting, _ in written), default=0)
    lines += [f"{setting:<{width}}  # {reason}" for setting, reason in written]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """Texts, numbers and lists of texts, whose JSON is TOML too."""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _line(root: Path, new: NewText) -> str:
    return f"{new.path.relative_to(root).as_posix()}: {new.why}"


def _files(root: Path, proposed: Sequence[Proposal]) -> Iterator[NewText]:
    """Settings, and what git's own files say of how to treat what triage writes."""
    yield from _settings(root / "pyproject.toml", proposed)
    if Repository.find(root) is None:
        return
    for name, line, why in (
        (".gitattributes", UNION, "so that the journals of two branches merge"),
        (".gitignore", IGNORED, "locks and the history: a view of the evidence"),
    ):
        yield from _with_line(root / name, line, why)


def _without_git(root: Path) -> list[str]:
    again = "give 'triage init' again"
    try:
        repository = Repository.open(root)
    except VoidError as error:  # there is one, and git does not answer for it
        return [f"nothing for git: {error.what} ({error.next_step}, then {again})"]
    if repository is None:
        return [f"nothing for git: this is in no git repository ({again} once it is)"]
    return []


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


def _settings(path: Path, proposed: Sequence[Proposal]) -> Iterator[NewText]:
    """The file with [tool.triage] behind what it holds; nothing where it has one."""
    import tomlkit

    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        document = tomlkit.parse(text)
    except tomlkit.exceptions.ParseError as error:
        raise UsageError("bad-pyproject", f"{path}: {error}", "mend the file") from error
    if "triage" in document.get("tool", {}):
        return
    gap = ""
    if text and not text.endswith("\n\n"):
        gap = "\n" if text.endswith("\n") else "\n\n"
    why = "[tool.triage] (triage reads its settings there, whatever file configures pytest)"
    yield NewText(path=path, text=f"{text}{gap}{settings_text(proposed)}", why=why)


def _with_line(path: Path, line: str, why: str) -> Iterator[NewText]:
    """The file with a line behind what it holds; nothing where it has the line."""
    data = path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
    if line in (present.strip() for present in data.split("\n")):
        return
    gap = "" if not data or data.endswith("\n") else "\n"
    yield NewText(path=path, text=f"{data}{gap}{line}\n", why=f"{line} ({why})")


def new_files(root: Path, wanted: Sequence[NewText], *, force: bool) -> tuple[NewText, ...]:
    """The wanted files that are to be written. Raises `UsageError` where one is there with another text."""
    changed = []
    for new in wanted:
        old = new.path.read_text(encoding="utf-8", errors="surrogateescape") if new.path.is_file() else None
        if old == new.text:
            continue
        if old is not None and not force:
            name = new.path.relative_to(root) if new.path.is_relative_to(root) else new.path
            raise UsageError(
                "file-exists",
                f"{name} is there already",
                "--force writes over it, --ci-file PATH writes another file, --dry-run shows the text",
            )
        changed.append(new)
    return tuple(changed)
