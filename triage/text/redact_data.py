"""Redact data as JSON holds it: a value may be a secret because of the key that it stands under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from triage.text.mark import MARK
from triage.text.secret_names import Strength, strength_of
from triage.text.secret_values import Written, is_secret_value


def redacted_data(value: Any, redact: Callable[[str], str], name: str = "") -> Any:
    """Return a copy of `value` whose texts and keys are redacted; `name` is the key that it stands under.

    Keys that become equal stay apart: the second one is numbered.
    """
    if isinstance(value, str):
        return MARK if _is_given_away(name, value) else redact(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        kept: dict[str, Any] = {}
        for key, item in value.items():
            kept[_free_key(redact(str(key)), kept)] = redacted_data(item, redact, str(key))
        return kept
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redacted_data(item, redact, name) for item in value]
    return value


def _is_given_away(name: str, value: str) -> bool:
    """Whether a key leaves no doubt; under one like `token` or `key` data of any kind stands."""
    if not name or strength_of(name) is not Strength.STRONG:
        return False
    return is_secret_value(value, Strength.STRONG, Written.QUOTED, name)


def _free_key(key: str, taken: Mapping[str, Any]) -> str:
    serial = 1
    free = key
    while free in taken:
        serial += 1
        free = f"{key} ({serial})"
    return free
