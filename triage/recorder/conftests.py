"""Name each folder whose conftest.py is imported, before the import can hang, raise or kill the process.

pytest imports the conftest files of its arguments, of the root and of `test*` folders in it before there is a
session, and refuses to start where one raises. No hook is called around these imports, so that the method of
the plugin manager is wrapped; a pytest that has none by this name is recorded without them.
"""

from __future__ import annotations

import os
import traceback
from types import ModuleType
from typing import Any

from triage.recorder.exceptions import exception_chain, text_of
from triage.recorder.left_out import is_left_out
from triage.recorder.record_file import Writer
from triage.recorder.reports import ReportSerializer
from triage.recorder.select import public_id
from triage.recorder.settings import Settings

_METHOD = "_importconftest"


def follow_conftests(
    pluginmanager: Any, writer: Writer, serializer: ReportSerializer, settings: Settings
) -> None:
    """Record the imports of conftest files from now on; those of folders that are left out do not happen."""
    original = getattr(pluginmanager, _METHOD, None)
    if original is None:
        return

    def import_conftest(conftestpath: Any, *args: Any, **kwargs: Any) -> Any:
        folder = os.path.dirname(str(conftestpath))
        if is_left_out(folder, settings):
            return ModuleType("conftest")
        event = {"path": folder, "id": _id_of(folder, os.getcwd(), serializer)}
        writer.write({"e": "collecting", **event})
        try:
            return original(conftestpath, *args, **kwargs)
        except Exception as error:
            writer.write({"e": "conftest_error", **event, "failure": _failure(error, serializer)})
            raise
        finally:
            writer.write_payload(b'{"e":"listed"}')

    setattr(pluginmanager, _METHOD, import_conftest)


def _id_of(folder: str, start: str, serializer: ReportSerializer) -> str:
    """The folder's node id: relative to where pytest is started, which is the suite's root."""
    relative = os.path.relpath(folder, start).replace(os.sep, "/")
    return public_id(relative, serializer.redact)


def _failure(error: Exception, serializer: ReportSerializer) -> dict[str, Any]:
    # pytest wraps what the import raised, once
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    try:
        text = "".join(traceback.format_exception(cause))
    except Exception as problem:
        text = f"{type(cause).__name__}, whose traceback raises {text_of(problem)}"
    return {
        "phase": "collect",
        "chain": serializer.deep(exception_chain(cause)),
        "longrepr": serializer.text(text),
        "subtest": None,
    }
