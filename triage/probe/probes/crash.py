"""Test at which line, and in which native call, a process dies."""

from __future__ import annotations

from collections.abc import Sequence

from triage.model.failure import CRASHED
from triage.model.outcome import Outcome
from triage.probe.api import Case, Steps, look
from triage.probe.line_removal import located, without_lines
from triage.probe.symptoms import own_frames
from triage.probe.treatment import Treatment, settle
from triage.text.pattern import pattern

_SIGNAL = pattern(
    r"Program [ ] received [ ] signal [ ] (SIG[A-Z0-9]+)",
    matches=["Program received signal SIGSEGV, Segmentation fault."],
    rejects=["#0  0x00007f in raise ()"],
    how="match",
)
_NATIVE_FRAME = pattern(
    r"""
    \# [0-9]+ [ ]+                          # number of the frame in gdb's backtrace
    (?: 0x[0-9a-f]+ [ ] in [ ] )?
    ( [A-Za-z_] [\w.:~<>]* )                # the function
    [ (] .*?
    (?: from [ ] (\S+) )? $                 # its library, where gdb knows it
    """,
    matches=["#1  0x00007f12 in dgemm_ (n=3) from /usr/lib/libblas.so.3", "#0  crash () at a.c:3"],
    rejects=["Program received signal SIGSEGV", "#x main ()"],
    how="match",
)
_INTERPRETER = pattern(
    r"_?Py[A-Z_] | cfunction_ | method_vectorcall | object_vacall | slot_ | vectorcall",
    matches=["PyObject_Call", "_PyEval_EvalFrameDefault", "cfunction_call"],
    rejects=["dgemm_", "pyramid"],
    how="match",
)
"""Functions of the interpreter: the frames before them are native code, those after them Python."""
_SIGNAL_DELIVERY = pattern(
    r"(?:__)? (?: pthread_kill | raise | kill | gsignal ) | _ctypes | ffi_ | PyCFuncPtr",
    matches=["raise", "__pthread_kill_implementation", "ffi_call"],
    rejects=["dgemm_"],
    how="match",
)
_MOST_NATIVE = 4


def took_its_process_along(case: Case) -> bool:
    """Whether the process of the test died."""
    return case.observed.outcome(case.nodeid) is Outcome.CRASHED or case.failure.exception == CRASHED


class Crash:
    """Find the last line before the process died, and take it out."""

    name = "crash"

    def investigate(self, case: Case) -> Steps:
        """Measure the last line where the death left no stack; then run without that line."""
        (seen,) = yield from look(
            case.base.measuring("lastline", "native"), why="the last line before it died"
        )
        steps = [str(place) for line in seen.lines("lastline", "at")[-1:] for place in line.get("frames", ())]
        native = native_call([text for line in seen.lines("native", "native") for text in line["stacks"]])
        frames = own_frames(case) or [_split(place) for place in steps]
        treatments = [
            _with_native_call(treatment, native) for treatment in without_lines(case, "crash", frames)
        ]
        found = yield from settle(self.name, case, treatments, "without the line at which it died")
        if found is not None:
            return found
        reason = native or case.failure.message or "without a message"
        return located(case, "crash", f"the process died: {reason}", steps)


def _split(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line)


def _with_native_call(treatment: Treatment, native: str) -> Treatment:
    if not native:
        return treatment
    return treatment.model_copy(update={"summary": f"{treatment.summary} ({native})"})


def native_call(lines: Sequence[str]) -> str:
    """The signal and the native functions between it and the interpreter, from a backtrace of gdb.

    Innermost function first; empty where the lines hold no signal.
    """
    signal = next((match[1] for line in lines if (match := _SIGNAL.match(line))), "")
    functions: list[str] = []
    for line in lines:
        match = _NATIVE_FRAME.match(line)
        if match is None or _SIGNAL_DELIVERY.match(match[1]):
            continue
        if _INTERPRETER.match(match[1]):
            break
        library = f" of {match[2].rpartition('/')[2]}" if match[2] else ""
        functions.append(f"{match[1]}{library}")
    calls = ", called by ".join(dict.fromkeys(functions[:_MOST_NATIVE]))
    return f"{signal} in {calls}" if signal and calls else signal
