"""Mask an absolute path down to what it names, wherever its folder lies."""

from __future__ import annotations

import re

from triage.signature.checkout import ROOT
from triage.text.pattern import pattern

FOLDER = "<dir>"
"""Stands for any folder: of the checkout, of an environment, a temporary one."""

_TEMPORARY = pattern(
    r"""
    (?:
      .* / pytest-of-[^/]+ (?: / pytest-(?:\d+|current) (?: /[^/]+ )? )?   # tmp_path of a test
    | (?: /private )? (?: /tmp | /var/tmp | /dev/shm | /var/folders/[^/]+/[^/]+/[A-Z] ) (?: /[^/]+ )?
    | .* /AppData/Local/Temp (?: /[^/]+ )?
    | .* /tmp[a-z0-9_]{8}
    )
    (?= / | $ )
    """,
    matches=[
        "/tmp/pytest-of-ada/pytest-3/test_x0/a.bin",
        "/srv/scratch/pytest-of-ada/pytest-3/test_x0",
        "/tmp/tmpk3j2h1_a/a.bin",
        "/tmp/report-8f3a",
        "C:/Users/ada/AppData/Local/Temp/x/a.bin",
    ],
    rejects=["/home/x/data/run.csv", "/tmpfiles/x", "/srv/tmp/x"],
    how="match",
)
"""Folders that are made for one run, with the one below them: its name is chance."""
_CHANCE = pattern(
    r"""
      (?<!\w) \d+ (?!\w)
    | (?<=[A-Za-z]_) \d{4,}
    | \b (?=[a-f]*\d) (?=\d*[a-f]) [0-9a-f]{6,} \b
    | tmp[a-z0-9_]{8}
    """,
    matches=["run-12.csv", "7.txt", "report_20261130.csv", "core.3f2a9c1b", "tmpk3j2h1_a.csv"],
    rejects=["x86.csv", "table_2.csv"],
)
"""Parts of a file's name that another run would give otherwise."""
_BACKSLASHES = re.compile(r"\\+")
_EXTENSION = re.compile(r"\.[a-z]{1,5}$")


def masked_path(path: str) -> str:
    """`<dir>/run.csv` of an absolute path: its last part, without what is chance in it."""
    posix = _posix(path)
    temporary = _TEMPORARY.match(posix)
    if temporary is None:
        if posix == ROOT:
            return FOLDER
        return f"{FOLDER}/{_CHANCE.sub('<n>', _last_part(posix))}"
    below = posix[temporary.end() :]
    if below:
        return f"{FOLDER}/{_CHANCE.sub('<n>', _last_part(below))}"
    # a file made directly in a temporary folder: only its kind was chosen
    kind = _EXTENSION.search(posix)
    return FOLDER + (f"/*{kind[0]}" if kind else "")


def shown_path(path: str) -> str:
    """For people: relative to the root where it lies beneath it, else its last part."""
    posix = _posix(path)
    if posix == ROOT:
        return "."
    if posix.startswith(f"{ROOT}/"):
        return posix.removeprefix(f"{ROOT}/")
    if _TEMPORARY.fullmatch(posix):
        return "<tmp>"
    return f"{FOLDER}/{_last_part(posix)}"


def _posix(path: str) -> str:
    slashes = _BACKSLASHES.sub("/", path) if "\\" in path else path
    return slashes.rstrip("/") or "/"


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]
