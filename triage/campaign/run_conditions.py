"""Tell how a recorded run started its processes, where later phases have to do the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.model.criterion import Conditions
from triage.model.run import RunRecord
from triage.run.command import seed_of_run
from triage.run.environment import INHERITED_CONDITIONS
from triage.text.mark import MARK_PATTERN


def conditions_of(
    record: RunRecord, folder: Path, now: Mapping[str, str], environ: Mapping[str, str]
) -> Conditions:
    """The conditions of a run by its own word; `folder` is where it lies.

    `now` is the canonical environment of today, `environ` what processes inherit today. A value that was
    redacted, and what an imported run does not tell, stays as it is today.
    """
    limits = record.plan.limits if record.plan is not None else None
    args = _json(folder / "preflight.json").get("pytest_args")
    return Conditions(
        env=_variables(folder, now, environ),
        pytest_args=tuple(args) if isinstance(args, list) and not _is_redacted(args) else None,
        seed=seed_of_run(record.stamp),
        test_timeout=limits.test_timeout if limits is not None else None,
    )


def _variables(folder: Path, now: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables in which the run differs from what a process would get now."""
    document = _json(folder / "env.json")
    canonical, inherited = document.get("canonical"), document.get("inherited")
    if not isinstance(canonical, dict) or not isinstance(inherited, dict):
        return {}  # an imported run
    then = {**inherited, **canonical}
    present = {**environ, **now}
    changed: dict[str, str | None] = {}
    for name in dict.fromkeys((*canonical, *now, *INHERITED_CONDITIONS)):
        value = then.get(name)
        is_hidden = value is not None and _is_redacted([value])
        if value != present.get(name) and not is_hidden:
            changed[name] = value
    return changed


def _is_redacted(texts: list[Any]) -> bool:
    return any(MARK_PATTERN.search(str(text)) for text in texts)


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
