"""Run by test_executed.py in several interpreters: records what a small product runs, prints it as JSON."""

import json
import sys
import threading
from pathlib import Path

from triage.instruments.executed import CallListener, ExecutedCode

PRODUCT = """\
def double(x):
    if x > 100:
        return 0
    return 2 * x

def items(n):
    for i in range(n):
        yield double(i)

def fails():
    raise KeyError("k")

def catches():
    try:
        fails()
    except KeyError:
        return None

class Box:
    def total(self):
        return sum(items(3))
"""


class Calls(CallListener):
    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def entered(self, number: int) -> None:
        self.heard.append(("in", number))

    def left(self, number: int, value: object) -> None:
        self.heard.append(("out", number, value))

    def unwound(self, number: int) -> None:
        self.heard.append(("raised", number))


def main(folder: str) -> None:
    root = Path(folder)
    (root / "shop.py").write_text(PRODUCT)
    (root / "test_shop.py").write_text("def call(f):\n    return f()\n")
    sys.path.insert(0, folder)
    import shop  # type: ignore[import-not-found]
    import test_shop  # type: ignore[import-not-found]

    def record(work, **options):
        code = ExecutedCode(folder, **options)
        code.start()
        try:
            test_shop.call(work)
        finally:
            found = code.stop()
        return found.as_json()

    calls = Calls()
    in_thread = threading.Thread(target=lambda: shop.double(1))

    def run_thread() -> None:
        in_thread.start()
        in_thread.join()

    documents = {
        "box": record(lambda: shop.Box().total()),
        "again": record(lambda: shop.double(1)),
        "other line": record(lambda: shop.double(101)),
        "functions": record(lambda: shop.Box().total(), lines=False),
        "few": record(lambda: shop.Box().total(), max_bytes=120),
        "fewer": record(lambda: shop.Box().total(), max_bytes=20),
        "thread": record(run_thread),
        "caught": record(shop.catches, calls=calls),
        "calls": calls.heard,
    }
    before = sys.gettrace()
    own = lambda *_: None  # noqa: E731
    sys.settrace(own)
    documents["debugger"] = record(lambda: shop.double(1))
    documents["kept"] = sys.gettrace() is own
    sys.settrace(before)
    documents["taken over"] = record(lambda: sys.settrace(own))
    documents["kept too"] = sys.gettrace() is own
    sys.settrace(before)
    print(json.dumps(documents))


if __name__ == "__main__":
    main(sys.argv[1])
