"""Making a project ready: settings, ledgers, git attributes. What is there already is kept."""

from __future__ import annotations

from pathlib import Path

from triage.cluster.book import Book
from triage.cluster.mint import EventMint
from triage.errors import UsageError
from triage.evidence.atomic import write_bytes, write_text
from triage.evidence.journal import Journal
from triage.model.journal import NumberingStarted
from triage.model.world import World
from triage.phase.ledgers import update_ledgers

UNION = "plans/journal.jsonl merge=union"
IGNORED = "/.triage/"
COMMENTED = """\
# `triage config` prints every setting with its meaning and its origin.
campaign = "triage"
workers = 1
test-timeout = 300
"""


def set_up(root: Path, journal: Journal, world: World, next_cluster: int | None) -> list[str]:
    """Write what is missing; returns a line for each thing written.

    Raises UsageError where numbering would go back below an id that is allotted.
    """
    book = Book.of(journal.read())
    done = []
    if next_cluster is not None and next_cluster != book.next_number:
        if next_cluster < book.next_number:
            raise UsageError(
                "numbering-back",
                f"C{next_cluster} is below C{book.next_number}, the next free number: ids are never reused",
                f"leave --next-cluster out, or give at least {book.next_number}",
            )
        mint = EventMint(world.timestamp(), world.actor, book.lineage)
        journal.append([mint.make(NumberingStarted, next=next_cluster)])
        done.append(f"plans/journal.jsonl: numbering goes on at C{next_cluster}")
    if _settings(root / "pyproject.toml"):
        done.append("pyproject.toml: [tool.triage]")
    for name, line in ((".gitattributes", UNION), (".gitignore", IGNORED)):
        if _line(root / name, line):
            done.append(f"{name}: {line}")
    done.extend(update_ledgers(root, Book.of(journal.read())))
    return done


def _settings(path: Path) -> bool:
    import tomlkit

    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        document = tomlkit.parse(text)
    except tomlkit.exceptions.ParseError as error:
        raise UsageError("bad-pyproject", f"{path}: {error}", "mend the file") from error
    if "triage" in document.get("tool", {}):
        return False
    gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
    write_text(path, f"{text}{gap}[tool.triage]\n{COMMENTED}")
    return True


def _line(path: Path, line: str) -> bool:
    data = path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
    if line in (present.strip() for present in data.split("\n")):
        return False
    gap = "" if not data or data.endswith("\n") else "\n"
    write_bytes(path, f"{data}{gap}{line}\n".encode("utf-8", "surrogateescape"), follow_symlink=True)
    return True
