"""Let an instrument look at tests while they run, and put what it saw into the record.

Settings: `module`, the instrument, whose class `Look` takes the other settings. It is named by the harness
and loaded only where a look is wanted, so that the recorder stays light.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from triage.text.mark import MARK

_NAME = "triage-look"
_LEAST_PIECE = 4
"""Characters of a piece of text that may give away a part of a secret."""


class Observer:
    """The instrument of one process, or none; whatever goes wrong in it is said in the record."""

    def __init__(self, deep: Callable[[Any], Any]) -> None:
        """`deep` redacts and bounds the strings of a document."""
        self._deep = deep
        self._look: Any = None
        self._trouble: str | None = None

    def load(self, settings: dict[str, Any] | None, pluginmanager: Any) -> None:
        """Make the instrument that the settings name a plugin of pytest; without settings there is none."""
        if settings is None:
            return
        try:
            self._look = importlib.import_module(settings["module"]).Look(settings)
            pluginmanager.register(self._look, _NAME)
        except Exception as error:
            self._look, self._trouble = None, f"no look at the tests: {type(error).__name__}: {error}"

    def begin(self, nodeid: str, nth: int) -> None:
        """Begin to look at a test."""
        if self._look is not None:
            self._look.begin(nodeid, nth)

    def end(self) -> dict[str, Any] | None:
        """End with a test; returns what was seen, None where nobody looked."""
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            return {"trouble": self._deep(trouble)}
        if self._look is None:
            return None
        seen = self._look.end()
        if seen is None:
            return None
        executed = seen["executed"]
        # numbers need no redaction, and there may be many of them
        executed["files"] = self._deep(executed["files"])
        return {"executed": executed, "failure": self._without_secrets(seen["failure"])}

    def _without_secrets(self, failure: dict[str, Any] | None) -> Any:
        """The failure for the record; of the difference, too, what is redacted in the values themselves."""
        if failure is None:
            return None
        contexts = failure.pop("contexts", ())
        if contexts:
            whole, public = "\n".join(contexts), "\n".join(self._deep(list(contexts)))
            failure["difference"] = _pieces(failure["difference"], whole, public)
        return self._deep(failure)


def _pieces(value: Any, whole: str, public: str) -> Any:
    """A difference without the pieces that the values as they are hold more often than the public ones."""
    if isinstance(value, dict):
        return {key: item if key == "kind" else _pieces(item, whole, public) for key, item in value.items()}
    if isinstance(value, list):
        return [_pieces(item, whole, public) for item in value]
    if not isinstance(value, str) or len(value) < _LEAST_PIECE:
        return value
    was_in_secret = whole.count(value) > public.count(value)
    return MARK if was_in_secret else value
