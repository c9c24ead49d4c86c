"""Compute the settings under which git starts no program that any configuration names.

What git may start is fixed for most settings (`ALWAYS`). Filters, text converters, merge drivers and
configured hooks have names that somebody chose: those are found among the names that are configured. Whose
configuration names them makes no difference: which files go through a filter of the user's (Git LFS) is what
the repository says, and a large file is fetched from wherever it says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

ALWAYS = {
    "commit.gpgSign": "false",
    "core.alternateRefsCommand": "",
    "core.askPass": "",
    "core.autocrlf": "false",
    "core.editor": "false",
    "core.fsmonitor": "false",
    "core.gitProxy": "",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.quotePath": "false",
    "core.sshCommand": "false",
    "credential.helper": "",  # empties the list of helpers
    "diff.external": "",
    "gc.auto": "0",
    "gpg.program": "false",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}
"""Set in every call of git, over whatever the repository says. `false` is the program that does nothing."""
_OF_NAMED = {
    "diff": {"command": "", "textconv": ""},
    "filter": {"clean": "", "smudge": "", "process": "", "required": "false"},
    "hook": {"command": "", "enabled": "false"},
    "merge": {"driver": ""},
}
"""Section to the variables of its subsections and what they are set to: a program to nothing.

git passes content on unchanged where the command of a filter is empty and the filter is not required.
"""
_CONVERTS_NOTHING = frozenset({"cat-file", "ls-tree", "merge-base", "rev-list", "rev-parse", "symbolic-ref"})
"""Commands that read refs, commits and trees, or a blob as it is stored. They pass no file through a filter
or a text converter, merge nothing and change no ref, so that git starts no program of `_OF_NAMED`."""
_CONVERTS = ("--f", "--t")
"""How options of `cat-file` begin that do (`--filters`, `--textconv`, also abbreviated)."""


class Configured(NamedTuple):
    """One name of the configuration, and the level on which it is set."""

    scope: str
    name: str
    """`section.subsection.variable`; a subsection may have dots in it."""


def configured(listing: str) -> tuple[Configured, ...]:
    """Read what `git config --list --show-scope --name-only -z` prints."""
    fields = listing.split("\0")
    return tuple(Configured(scope, name) for scope, name in zip(fields[::2], fields[1::2], strict=False))


def converts_nothing(command: str, arguments: Iterable[str]) -> bool:
    """Whether git starts none of the programs that have names of their own in the configuration.

    Then nobody has to ask git first what they are called, which is a process each time.
    """
    if command == "cat-file" and any(word.startswith(_CONVERTS) for word in arguments):
        return False
    return command in _CONVERTS_NOTHING


def overrides(names: Iterable[Configured]) -> dict[str, str]:
    """What to set so that git starts nothing that the configuration names."""
    settings = dict(ALWAYS)
    for section, subsection in _naming_programs(names):
        for variable, value in _OF_NAMED[section].items():
            settings[f"{section}.{subsection}.{variable}"] = value
    return settings


def withheld_filters(names: Iterable[Configured]) -> tuple[str, ...]:
    """The filters that `overrides` switches off, sorted; files under them look otherwise to their owner."""
    found = {subsection for section, subsection in _naming_programs(names) if section == "filter"}
    return tuple(sorted(found))


def environment(settings: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables that give git these settings, behind those that the caller's environment gives it already.

    A job may trust its checkout in this way (`safe.directory`), so that those stay; the last one counts.
    """
    count = inherited.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    variables = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_CONFIG_COUNT": str(first + len(settings)),
    }
    for number, (key, value) in enumerate(settings.items(), first):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def _naming_programs(names: Iterable[Configured]) -> Iterator[tuple[str, str]]:
    """Section and subsection of each setting that names a program."""
    for _, name in names:
        section, _, rest = name.partition(".")
        subsection, _, variable = rest.rpartition(".")
        is_program = _OF_NAMED.get(section, {}).get(variable) == ""
        if is_program and subsection:
            yield section, subsection
