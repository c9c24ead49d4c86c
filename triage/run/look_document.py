"""Build the document of a traced run from the events of its processes; functions get numbers."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.look import Function, LookDocument, LookedAt, TracedFailure
from triage.model.outcome import Outcome
from triage.model.run import Key, TestResult

_MOST_LINES = 2_000_000
"""Lines in one document: some 12 MB. Beyond it tests are kept with their functions alone."""
_LINES_LEFT_OUT = "its lines are left out: the document has too many"


class DocumentBuilder:
    """Collects what was seen of each test; of a test that was looked at twice the red run counts."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._mutex = threading.Lock()
        self._functions: dict[Function, int] = {}
        self._tests: dict[Key, LookedAt] = {}
        self._line_count = 0

    def add(self, key: Key, result: TestResult, event: Mapping[str, Any]) -> None:
        """Add what a `look` event says of a test, and how the test fared in this run of it."""
        with self._mutex:
            earlier = self._tests.get(key)
            if earlier is None or not earlier.outcome.has_failures:
                self._tests[key] = self._looked_at(key, result, event)

    def outcome(self, key: Key) -> Outcome | None:
        """How a test fared under the tracer."""
        test = self._tests.get(key)
        return None if test is None else test.outcome

    def document(self) -> LookDocument:
        """Everything, tests by node id: the order in which processes ended does not matter."""
        return LookDocument(
            functions=tuple(self._functions),
            tests=tuple(self._tests[key] for key in sorted(self._tests)),
        )

    def _looked_at(self, key: Key, result: TestResult, event: Mapping[str, Any]) -> LookedAt:
        executed = event["executed"]
        paths = executed["files"]
        functions = [
            self._function(Function(path=paths[file], name=name, line=line))
            for file, name, line in executed["functions"]
        ]
        trouble = executed["trouble"]
        if executed["lines"] and self._line_count + len(executed["lines"]) > _MOST_LINES:
            executed = executed | {"lines": []}
            trouble = trouble or _LINES_LEFT_OUT
        too_many = executed["detail"] == "counts"
        failed = result.failures[0] if result.failures else None
        return LookedAt(
            nodeid=key[0],
            nth=key[1],
            outcome=result.outcome,
            exception=failed.exception if failed is not None else "",
            functions=tuple(functions),
            lines=self._lines(functions, executed),
            counts=(executed["function_count"], executed["line_count"]) if too_many else (0, 0),
            failure=_failure(event.get("failure"), functions),
            trouble=trouble,
        )

    def _function(self, function: Function) -> int:
        return self._functions.setdefault(function, len(self._functions))

    def _lines(self, functions: Sequence[int], executed: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
        by_function: dict[int, list[int]] = {}
        lines, owners = executed["lines"], executed["owners"]
        for (_, line), owner in zip(lines, owners[: len(lines)], strict=True):
            by_function.setdefault(functions[owner], []).append(line)
        self._line_count += len(lines)
        return {number: tuple(of_function) for number, of_function in by_function.items()}


def _failure(seen: Mapping[str, Any] | None, functions: list[int]) -> TracedFailure | None:
    """The failure with the document's numbers of functions in place of the test's."""
    if seen is None:
        return None
    own = dict(seen)
    for name in ("chain", "suspects"):
        # where there were too many functions to name, their numbers mean nothing
        own[name] = tuple(functions[number] for number in seen.get(name, ()) if number < len(functions))
    return TracedFailure.model_validate(own)
