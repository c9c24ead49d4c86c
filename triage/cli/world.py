"""The real world of one command: the machine's clock, this process's environment, who asks."""

from __future__ import annotations

import getpass
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from triage.errors import UsageError
from triage.model.world import World

if TYPE_CHECKING:
    from triage.config.settings import Settings


def real_world() -> World:
    """The machine's clock and this process's environment.

    `TRIAGE_NOW` (ISO 8601) fixes the clock, so that a result can be produced again.
    """
    environ = dict(os.environ)
    fixed = environ.get("TRIAGE_NOW")
    return World(now=_clock(fixed), monotonic=time.monotonic, environ=environ, actor=_actor(environ))


def redactor(world: World, settings: Settings) -> Callable[[str], str]:
    """Removes the secrets of this environment and everything that looks like one."""
    from triage.wire.redact import Redactor

    return Redactor.of(redacting(world, settings).environ)


def redacting(world: World, settings: Settings) -> World:
    """The world with every pattern of settings and plugins named in its environment."""
    from triage.cli.builtins import plugins
    from triage.hooks.manager import offers
    from triage.wire.redact import PATTERNS

    offered = [rule.pattern for rule in offers(plugins(), "triage_redactions")]
    patterns = shlex.join((*settings.redact, *offered))
    return replace(world, environ={**world.environ, PATTERNS: patterns} if patterns else world.environ)


def _clock(fixed: str | None) -> Callable[[], datetime]:
    if fixed is None:
        return lambda: datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(fixed)
    except ValueError as error:
        raise UsageError("bad-setting", f"TRIAGE_NOW: {error}", "write it as 2026-01-31T12:00:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return lambda: moment


def _actor(environ: dict[str, str]) -> str:
    if environ.get("TRIAGE_ACTOR"):
        return environ["TRIAGE_ACTOR"]
    if environ.get("CI"):
        return "ci"
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
