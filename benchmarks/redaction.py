"""Redaction: recall on secrets that are generated, false alarms on the output of real suites, speed.

`python -m benchmarks secrets [seed=N] [each=N] [part=NAME|all] [show]`
"""

from __future__ import annotations

import hashlib
import html
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.redaction_corpus import Case, cases
from benchmarks.redaction_suites import outputs, sources
from triage.text.redact import Redactor
from triage.text.redact_stream import StreamRedactor

_BLOCK = 4096
"""Bytes that a stream is fed at once."""
_WINDOW = 8
"""A secret has leaked where so many of its characters in a row can be read."""
_REVIEWED = Path(__file__).with_name("redaction_reviewed.txt")
"""Digests of what real suites print and was looked at: credentials of made-up users, but credentials."""
_CARRIERS = ("assertion message", "captured stdout", "JSON and dictionary in a traceback", "log record")
_TESTS = """
import json, logging, pathlib, pytest

CASES = json.loads(pathlib.Path(__file__).with_name("cases.json").read_text())


@pytest.mark.parametrize("number", range(len(CASES)))
def test_assertion_message(number):
    raise AssertionError(CASES[number])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_captured_stdout(number):
    print(CASES[number])
    assert number < 0


@pytest.mark.parametrize("number", range(len(CASES)))
def test_traceback(number):
    payload = {"detail": CASES[number], "id": number}
    raise ValueError(json.dumps(payload))


@pytest.mark.parametrize("number", range(len(CASES)))
def test_log_record(number):
    logging.getLogger("service").error("request %d failed: %s", number, CASES[number])
    assert number < 0
"""


def main(arguments: Sequence[str]) -> int:
    """Print recall, false alarms and speed."""
    options = dict(word.partition("=")[::2] for word in arguments)
    seed, each = int(options.get("seed") or 1), int(options.get("each") or 3)
    part = options.get("part") or "all"
    chosen = [case for case in cases(seed, each) if part in ("all", case.part)]
    _recall(chosen, show="show" in options)
    if "recall" not in options:
        _false_alarms(show="show" in options)
        _speed()
        _hostile()
    return 0


def _recall(chosen: list[Case], show: bool) -> None:
    """Run one test a case and carrier, and look for the secrets in what pytest printed."""
    output = _pytest_output([case.text for case in chosen])
    shown = _redacted_stream(output.encode()).decode()
    blocks = _blocks(shown)
    kept_of_part: Counter[str] = Counter()
    texts_of_part: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for carrier, number, text in blocks:
        case = chosen[number]
        leaked = any(_leaks(secret, text) for secret in case.secrets)
        kept_of_part[case.part] += not leaked
        texts_of_part[case.part] += 1
        if leaked:
            missed[case.shape] += 1
            if show:
                print(f"  leak in {_CARRIERS[carrier]}: {case.shape}: {case.text!r}")
    print(f"shapes {len({case.shape for case in chosen})}, carriers {len(_CARRIERS)}, texts {len(blocks)}")
    for part, total in texts_of_part.items():
        found = kept_of_part[part]
        shapes = len({case.shape for case in chosen if case.part == part})
        print(f"recall, {part} ({shapes} shapes): {found} of {total} = {found / total:.2%}")
    for shape, count in missed.most_common():
        print(f"  missed {count}: {shape}")


def _pytest_output(texts: list[str]) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cases.json").write_text(json.dumps(texts))
        (folder / "test_carriers.py").write_text(_TESTS)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--showlocals",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "--tb=long",
            "-rN",
            "test_carriers.py",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def _blocks(output: str) -> list[tuple[int, int, str]]:
    """Take the output apart: carrier, number of the case, text of the failure."""
    names = ("test_assertion_message", "test_captured_stdout", "test_traceback", "test_log_record")
    parts = re.split(r"^_{3,} (test_\w+)\[(\d+)\] _{3,}$", output, flags=re.MULTILINE)
    return [
        (names.index(test), int(number), text)
        for test, number, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    ]


def _leaks(secret: str, text: str) -> bool:
    """Whether a part of a secret can be read, in a form in which text is printed."""
    forms = {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1]}
    flat = text.replace("\n", "").replace("E   ", "").replace(" ", "")
    for form in forms:
        width = min(_WINDOW, len(form))
        if any(form[start : start + width] in flat for start in range(len(form) - width + 1)):
            return True
    return False


def _redacted_stream(data: bytes) -> bytes:
    stream = StreamRedactor(Redactor())
    parts = [stream.feed(data[start : start + _BLOCK]) for start in range(0, len(data), _BLOCK)]
    return b"".join([*parts, stream.close()])


def _false_alarms(show: bool) -> None:
    """Count the marks in the output of real suites, and in their sources, whose lines tracebacks show."""
    lines = alarms = 0
    for name, path in outputs().items():
        count, found = _alarms(path.read_text("utf-8", "replace"))
        lines, alarms = lines + count, alarms + len(found)
        print(f"  {name}: {len(found)} unreviewed in {count} lines")
        if show:
            for before, after in found:
                print(f"    - {before.strip()[:150]}\n    + {after.strip()[:150]}")
    if lines:
        print(f"false alarms in output: {alarms} in {lines} lines = {alarms / lines * 10_000:.2f} per 10,000")
    lines = alarms = 0
    for path in sources().values():
        for file in sorted(path.rglob("*.py")):
            count, found = _alarms(file.read_text("utf-8", "replace"))
            lines, alarms = lines + count, alarms + len(found)
            if show:
                for before, after in found:
                    print(f"    {file.name} - {before.strip()[:150]}\n    + {after.strip()[:150]}")
    if lines:
        print(f"marks in sources: {alarms} in {lines} lines = {alarms / lines * 10_000:.2f} per 10,000")


def _alarms(text: str) -> tuple[int, list[tuple[str, str]]]:
    """Count lines, and return those that lost something unreviewed, as they were and as they are."""
    redact = Redactor()
    reviewed = set(_REVIEWED.read_text().split()) if _REVIEWED.exists() else set()
    lines = text.split("\n")
    found = []
    for line in lines:
        secrets = [line[span.start : span.end] for span in redact.spans(line)]
        if any(digest_of(secret) not in reviewed for secret in secrets):
            found.append((line, redact(line)))
    return len(lines), found


def digest_of(secret: str) -> str:
    """Return what stands for a secret of a real suite in the list of those that were looked at."""
    return hashlib.sha256(secret.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _speed() -> None:
    """Print how long redaction takes beside JSON encoding, which every text goes through too."""
    plain = "".join(
        f"tests/test_{n % 40}.py::TestThing::test_{n}[p-{n}] PASSED [{n % 100:3d}%]\n" for n in range(20_000)
    )
    texts = {"a verbose run": plain}
    code = [
        file.read_text("utf-8", "replace")
        for path in sources().values()
        for file in sorted(path.rglob("*.py"))[:20]
    ]
    texts["sources"] = "".join(code)[:2_000_000]
    redact = Redactor([random.Random(1).randbytes(12).hex() for _ in range(3)])
    for name, text in texts.items():
        if text:
            seconds = min(_seconds(redact, text) for _ in range(3))
            yardstick = min(_seconds(json.dumps, text) for _ in range(3))
            print(f"{name}: {len(text) / seconds / 1e6:.1f} MB/s, {seconds / yardstick:.1f} times json.dumps")


def _hostile() -> None:
    """Print how time grows with hostile text; twice the text must take about twice the time."""
    redact = Redactor(["hunter" + "2hunter2"])
    words = (
        "TOKEN_", "password", "password=", "eyJ", "a.+-", "://", "a:b@", "sk-", "Bearer ", "?token", "A_",
        "-----BEGIN " + "PRIVATE KEY", "'", '\\"', "password='", "Cookie: a=", "-u a:", "...", "hunter", "\n",
        "\\n",
        "AKIA", "[redacted", "<password>", "MII" * 5 + "\n",
    )  # fmt: skip
    worst = 0.0
    for word in words:
        times = []
        for size in (50_000, 200_000):
            text = word * (size // len(word))
            times.append(min(_seconds(redact, text) for _ in range(2)))
        growth = times[1] / max(times[0], 1e-4)
        worst = max(worst, growth)
        if growth > 8 or times[1] > 2:
            print(f"  {word!r}: {times[0]:.3f} s, then {times[1]:.3f} s for four times as much")
    print(f"hostile text, four times as long: at most {worst:.1f} times the time")


def _seconds(call: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    call(text)
    return time.process_time() - started
