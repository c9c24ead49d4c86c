"""Redact data as JSON holds it: a value may be a secret because of the key that it stands under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from triage.text.mark import MARK
from triage.text.secret_names import Strength, strength_of
from triage.text.secret_values import Written, is_secret_value

_MOST_KEYS = 4096
"""Keys that are remembered: documents have few, but a mapping by node id has many."""


def redacted_data(value: Any, redact: Callable[[str], str], name: str = "") -> Any:
    """Return a copy of `value` whose texts and keys are redacted; `name` is the key that it stands under.

    Keys that become equal stay apart: the second one is numbered.
    """
    return DataRedactor(redact).redacted(value, name)


class DataRedactor:
    """Redacts one value after another; what it found out of a key holds for all rows of a document."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        """`redact` takes the secrets out of one text."""
        self._redact = redact
        self._keys: dict[str, str] = {}
        """Key to the key without secrets."""
        self._telling: dict[str, bool] = {}
        """Key to whether it leaves no doubt that its value is a secret."""

    def redacted(self, value: Any, name: str = "") -> Any:
        """Return a copy of `value` as `redacted_data` does."""
        # exact types first: nearly all that a document holds is of these, and this is asked of each value
        kind = type(value)
        if kind is str:
            return self._text(value, name)
        if value is None or kind is int or kind is bool or kind is float:
            return value
        if kind is dict:
            return self._mapping(value)
        if kind is list or kind is tuple:
            return [self.redacted(item, name) for item in value]
        return self._of_subclass(value, name)

    def _of_subclass(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self._text(value, name)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            return [self.redacted(item, name) for item in value]
        return value

    def _text(self, value: str, name: str) -> str:
        is_telling = self._telling.get(name)
        if is_telling is None:
            is_telling = bool(name) and strength_of(name) is Strength.STRONG
            self._telling[name] = is_telling
            _bound(self._telling)
        # under a key like `token` or `key`, which is less sure, data of any kind stands
        if is_telling and is_secret_value(value, Strength.STRONG, Written.QUOTED, name):
            return MARK
        return self._redact(value)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in value.items():
            name = str(key)
            shown = self._keys.get(name)
            if shown is None:
                shown = self._keys[name] = self._redact(name)
                _bound(self._keys)
            if shown in kept:
                shown = _free_key(shown, kept)
            kept[shown] = self.redacted(item, name)
        return kept


def _bound(remembered: dict[str, Any]) -> None:
    if len(remembered) > _MOST_KEYS:
        remembered.clear()


def _free_key(key: str, taken: Mapping[str, Any]) -> str:
    serial = 1
    free = key
    while free in taken:
        serial += 1
        free = f"{key} ({serial})"
    return free
