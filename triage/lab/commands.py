"""Write experiments as shell commands: in the user's tree where that is harmless, else in a worktree."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from triage.instruments.registry import plugin_of
from triage.lab.protocol import Setup
from triage.model.nodeid import file_of


def shell(
    setup: Setup,
    *,
    root: str,
    python: str,
    env: Mapping[str, str | None],
    instruments: str | None,
    edits: str | None,
    pytest_args: tuple[str, ...] = (),
) -> str:
    """One shell command for a setup.

    `instruments` is a file with the settings of the setup's instruments (relative to the root); `edits` a
    patch with its edits. Edits and other commits get a worktree of their own, beside the user's tree, in a
    subshell that removes it again.
    """
    run = " ".join(_run(setup, python, env, instruments, pytest_args))
    if setup.commit is None and edits is None:
        return f"cd {shlex.quote(root)} && {run}"
    steps = [
        f"cd {shlex.quote(root)}",
        'root="$PWD"',
        'tree="$(mktemp -d)"',
        # the subshell's exit code is that of pytest: a trap does not change it
        """trap 'git -C "$root" worktree remove --force "$tree"' EXIT""",
        f'git worktree add --quiet --detach "$tree" {setup.commit or "HEAD"}',
        'cd "$tree/$(git -C "$root" rev-parse --show-prefix)"',  # the suite may lie in a folder below
    ]
    if edits is not None:
        steps.append(f"git apply {shlex.quote(edits)}")
    return f"({' && '.join([*steps, run])})"


def _run(
    setup: Setup,
    python: str,
    env: Mapping[str, str | None],
    instruments: str | None,
    pytest_args: tuple[str, ...],
) -> list[str]:
    """The words of the pytest command, behind `env` where variables are set or unset."""
    variables: dict[str, str | None] = {**env, **setup.env}
    changes: list[str] = []
    for name, value in variables.items():
        if value is None:
            changes += ["-u", shlex.quote(name)]
    for name, value in variables.items():
        if value is not None:
            changes.append(f"{name}={shlex.quote(value)}")
    if instruments is not None:
        changes.append(f"TRIAGE_INSTRUMENT={shlex.quote(instruments)}")
    plugins = [word for name in setup.instruments for word in ("-p", plugin_of(name))]
    arguments = [*plugins, *pytest_args, *setup.pytest_args, *_workers(setup), *_targets(setup)]
    command = [shlex.quote(python), "-m", "pytest", *(shlex.quote(word) for word in arguments)]
    return ["env", *changes, *command] if changes else command


def _workers(setup: Setup) -> list[str]:
    """The options of pytest-xdist, where the number of processes is what is examined."""
    match setup.workers:
        case None:
            return []
        case 0:
            return ["-n", "0"]
        case number:
            return ["-n", str(number), "--dist", setup.distribution]


def _targets(setup: Setup) -> list[str]:
    """What pytest collects, in order; files that are only to be imported are deselected again."""
    own: dict[str, list[str]] = {}
    for nodeid in setup.nodeids:
        own.setdefault(file_of(nodeid), []).append(nodeid)
    if not setup.imports:
        return list(setup.nodeids)
    words: list[str] = []
    for path in dict.fromkeys([*setup.imports, *own]):
        words += own.get(path, [path])
    for path in setup.imports:
        if path not in own:
            words += ["--deselect", path]
    return words
