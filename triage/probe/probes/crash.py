"""`crash`: a process that died: at which line, in which native call, and whether that line is enough."""

from __future__ import annotations

import re
from collections.abc import Sequence

from triage.model.outcome import Outcome
from triage.probe.api import Case, Steps, look
from triage.probe.probes.hang import ablated, standing
from triage.probe.treatment import Treatment, own_frames, settle

_SIGNAL = re.compile(r"Program received signal (SIG[A-Z0-9]+)")
_NATIVE = re.compile(r"#[0-9]+ +(?:0x[0-9a-f]+ in )?([A-Za-z_][\w.:~<>]*)[ (].*?(?:from (\S+))?$")
_INTERPRETER = re.compile(r"_?Py[A-Z_]|cfunction_|method_vectorcall|object_vacall|slot_|vectorcall")
_PLUMBING = re.compile(r"(__)?(pthread_kill|raise|kill|gsignal)|_ctypes|ffi_|PyCFuncPtr")
_MOST_NATIVE = 4


class Crash:
    """The process under test died."""

    name = "crash"

    def likelihood(self, case: Case) -> float:
        """Only for a test that took its process along."""
        return (
            0.95
            if case.observed.outcome(case.nodeid) is Outcome.CRASHED or case.failure.exception == "Crashed"
            else 0.0
        )

    def investigate(self, case: Case) -> Steps:
        """The line at which it died, taken out; each step is written down where the death left no stack."""
        (seen,) = yield from look(
            case.base.measuring("lastline", "native"), why="the last line before it died"
        )
        steps = [str(place) for line in seen.lines("lastline", "at")[-1:] for place in line.get("frames", ())]
        native = native_call([text for line in seen.lines("native", "native") for text in line["stacks"]])
        frames = own_frames(case) or [_split(place) for place in steps]
        treatments = [_with_native(treatment, native) for treatment in ablated(case, "crash", frames)]
        found = yield from settle(self.name, case, treatments, "without the line at which it died")
        words = native or case.failure.message or "no last words"
        return found or standing(case, "crash", f"the process died: {words}", steps)


def _split(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line)


def _with_native(treatment: Treatment, native: str) -> Treatment:
    if not native:
        return treatment
    return treatment.model_copy(update={"summary": f"{treatment.summary} ({native})"})


def native_call(lines: Sequence[str]) -> str:
    """The signal and the native functions between it and the interpreter, innermost first; empty for none."""
    signal = next((match[1] for line in lines if (match := _SIGNAL.match(line))), "")
    names: list[str] = []
    for line in lines:
        match = _NATIVE.match(line)
        if match is None or _PLUMBING.match(match[1]):
            continue
        if _INTERPRETER.match(match[1]):
            break
        library = f" of {match[2].rpartition('/')[2]}" if match[2] else ""
        names.append(f"{match[1]}{library}")
    calls = ", called by ".join(dict.fromkeys(names[:_MOST_NATIVE]))
    return f"{signal} in {calls}" if signal and calls else signal
