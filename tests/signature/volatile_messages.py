"""Messages as real suites print them: volatile parts by kind, and pairs of what tells causes apart."""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Callable

Chance = random.Random
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
NAMES = ["mass", "radius", "spin", "phase", "angle"]


def hexadecimal(digits: int) -> Callable[[Chance], str]:
    return lambda chance: f"{chance.getrandbits(4 * digits):0{digits}x}"


def shuffled(chance: Chance, opening: str, items: list[str], closing: str) -> str:
    return opening + ", ".join(chance.sample(items, len(items))) + closing


def moment(chance: Chance) -> datetime.datetime:
    seconds = chance.randrange(10**8, 2 * 10**9) + chance.randrange(1, 10**6) / 1e6
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def in_time(chance: Chance) -> str:
    amount = 10 ** chance.uniform(-2, 3)
    return f"{amount:.2f}{chance.choice(['s', 'ms', 'us', ' ms', ' seconds', 'µs'])}"


def a_size(chance: Chance) -> str:
    return f"{10 ** chance.uniform(0, 3):.1f} {chance.choice(['KiB', 'MiB', 'GiB', 'MB', 'bytes'])}"


def a_count(chance: Chance) -> str:
    count = chance.randrange(0, 5000)
    return f"{count:,} broken row{'' if count == 1 else 's'}"


def temporary(chance: Chance) -> str:
    name = "".join(chance.choices(LETTERS, k=8))
    return chance.choice([
        f"/tmp/tmp{name}/report.csv",
        f"/var/folders/zz/k3/T/tmp{name}/report.csv",
        f"/tmp/pytest-of-ci/pytest-{chance.randrange(99)}/test_x{chance.randrange(9)}/report.csv",
        f"/scratch/{name}/pytest-of-ada/pytest-{chance.randrange(99)}/test_y0/report.csv",
        f"/home/{chance.choice(['ada', 'bob'])}/work/report.csv",
        f"C:\\Users\\ada\\AppData\\Local\\Temp\\tmp{name}\\report.csv",
        f"/dev/shm/run-{name}/report.csv",
    ])  # fmt: skip


VOLATILE: dict[str, Callable[[Chance], str]] = {
    "hexadecimal of 6": hexadecimal(6),
    "hexadecimal of 8": hexadecimal(8),
    "hexadecimal of 12": hexadecimal(12),
    "hexadecimal of 40": hexadecimal(40),
    "token": lambda chance: f"token {''.join(chance.choices(LETTERS + LETTERS.upper(), k=24))}",
    "page": lambda chance: f"http://host-{chance.randrange(9)}.test/{hexadecimal(4)(chance)}?page=a{chance.randrange(9)}",
    "bytes": lambda chance: repr(bytes([0, *chance.choices(range(256), k=6)])),
    "hardware address": lambda chance: ":".join(f"{chance.randrange(256):02x}" for _ in range(6)),
    "address of six": lambda chance: f"fe80::{chance.getrandbits(16):x}:{chance.getrandbits(15) + 1:x}",
    "complex": lambda chance: f"({chance.uniform(-9, 9):.2f}{chance.uniform(-9, 9):+.2f}j)",
    "name of a temporary file": lambda chance: f"tmp{''.join(chance.choices(LETTERS, k=8))}",
    "numbers in prose": lambda chance: "rows " + ", ".join(
        str(chance.randrange(99)) for _ in range(chance.randrange(1, 5))
    ),
    "labelled": lambda chance: f"session={hexadecimal(4)(chance)}",
    "address": lambda chance: f"<Beam object at {chance.getrandbits(44):#x}>",
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    "process": lambda chance: f"pid {chance.randrange(2, 4_000_000)}",
    "port": lambda chance: f"localhost:{chance.randrange(1024, 65536)}",
    "host": lambda chance: f"10.{chance.randrange(256)}.0.{chance.randrange(256)}:{chance.randrange(9999)}",
    "thread": lambda chance: f"Thread-{chance.randrange(1, 500)} (worker)",
    "pool": lambda chance: f"ThreadPoolExecutor-{chance.randrange(9)}_{chance.randrange(20)}",
    "xdist worker": lambda chance: f"gw{chance.randrange(16)}",
    "duration": in_time,
    "clock": lambda chance: str(datetime.timedelta(seconds=chance.randrange(1, 200_000), microseconds=5)),
    "size": a_size,
    "count": a_count,
    "seed": lambda chance: f"seed={chance.randrange(2**32)}",
    "moment, ISO": lambda chance: moment(chance).isoformat(),
    "moment, repr": lambda chance: repr(moment(chance).replace(tzinfo=None)),
    "moment, mail": lambda chance: moment(chance).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "moment, ctime": lambda chance: moment(chance).strftime("%a %b %d %H:%M:%S %Y"),
    "day": lambda chance: moment(chance).strftime("%B %d, %Y"),
    "temporary": temporary,
    "number of an account": lambda chance: f"account_{chance.randrange(10_000, 99_999)}",
    "float": lambda chance: repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-12, 12)),
    "set": lambda chance: shuffled(chance, "{", [repr(name) for name in NAMES], "}"),
    "dictionary": lambda chance: shuffled(
        chance, "{", [f"{name!r}: {chance.randrange(9)}" for name in NAMES], "}"
    ),
    "set of sets": lambda chance: shuffled(
        chance, "{", [f"frozenset({shuffled(chance, '{', ['1', repr(name)], '}')})" for name in NAMES], "}"
    ),
    "names in prose": lambda chance: shuffled(
        chance, "(", [repr(name) for name in NAMES], " were unexpected)"
    ),
    "ordinal": lambda chance: chance.choice(["1st", "2nd", "3rd", "14th"]),
    "version": lambda chance: f"{chance.randrange(9)}.{chance.randrange(30)}.{chance.randrange(30)}",
}  # fmt: skip
TELLING = [
    ("mass", "radius"), ("'cm'", "'inch'"), ("float32", "float64"), ("bf16", "fp16"), ("nan", "inf"),
    ("None", "True"), ("before", "after"), ("conv2d", "conv3d"), ("layer_1", "layer_2"), ("a/b.c", "a/c.c"),
    ("/srv/x/a.csv", "/srv/x/b.csv"), ("{'a': 'on'}", "{'a': 'off'}"), ("['a', 'b']", "['b', 'a']"),
    ("('a', 'b')", "('b', 'a')"), ("utf_8", "utf_16"), ("tests/x.py", "tests/y.py"), ("E1234", "E1235"),
    ("added", "faded"), ("sha256", "sha512"), ("exit code 1", "exit code 9"), ("HTTP 404", "HTTP 500"),
    ("[0, 0]", "[0, 1]"), ("[nan]", "[1.5]"),
]  # fmt: skip
