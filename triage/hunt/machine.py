"""What factors have to know of this machine: its zone, its locales, its programs, what the suite imports."""

from __future__ import annotations

import locale
import re
import time
from pathlib import Path

from triage.campaign.services import Services
from triage.evidence.places import state_folder
from triage.hunt.factors import Machine
from triage.probe.case_facts import files_of, source_of

_LOCALES = ("de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8")
_IMPORTS = re.compile(r"^\s*(?:import|from)\s+(numpy|torch|pandas|scipy)\b", re.MULTILINE)
_NUMERIC = frozenset({"numpy", "pandas", "scipy", "torch"})
_MOST_FILES = 3000
_MOST_PROGRAMS = 4000
"""Programs of one folder up to which it is mirrored without git."""


def describe_machine(services: Services) -> Machine:
    """The machine, with a folder of programs without git: it stays, so that commands find it."""
    path = services.settings.process_env.get("PATH") or services.world.environ.get("PATH", "")
    return Machine(
        now=services.world.now(),
        local=lambda *fields: time.mktime((*fields, 0, 0, -1)),
        path_without_git=_without_git(path, state_folder(services.output) / "without-git"),
        locale=next((name for name in _LOCALES if _is_installed(name)), None),
    )


def libraries_of(root: Path) -> frozenset[str]:
    """The libraries of numbers that files of the suite import; all are built on numpy."""
    source = source_of(root)
    found: set[str] = set()
    for path in [name for name in files_of(root) if name.endswith(".py")][:_MOST_FILES]:
        found |= set(_IMPORTS.findall(source(path) or ""))
    return frozenset(found | {"numpy"} if found & _NUMERIC else found)


def _without_git(path: str, place: Path) -> str:
    """A search path on which every program but git is found: folders with git become folders of links."""
    entries = []
    for number, entry in enumerate(path.split(":")):
        folder = Path(entry)
        if not (folder / "git").exists():
            entries.append(entry)
            continue
        programs = [program for program in folder.iterdir() if not program.name.startswith("git")]
        mirror = place / str(number)
        mirror.mkdir(parents=True, exist_ok=True)
        for program in programs[:_MOST_PROGRAMS]:
            if not (mirror / program.name).is_symlink():
                (mirror / program.name).symlink_to(program)
        entries.append(str(mirror))
    return ":".join(entries)


def _is_installed(name: str) -> bool:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_ALL, before)
    return True
