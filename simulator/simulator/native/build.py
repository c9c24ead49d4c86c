"""Build the kernel once per machine: cached under the hash of source, compiler and processor features.

Nothing here raises for want of a compiler: the caller gets a reason, and the plain path runs instead.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("kernel.c", "body.inc", "noise.c")
UNITS = {"kernel.c": "-ffp-contract=fast", "noise.c": "-ffp-contract=off"}
"""Each source with its own flag: a fused multiply-add would change the reference's float32 noise."""

COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fPIC",
    "-fno-math-errno",
    "-fno-trapping-math",
)
VARIANTS = (("-march=native", "-fopenmp"), ("-march=native",), ("-fopenmp",), ())
"""Tried in this order until one compiles."""

BUILD_SECONDS = 120


@dataclass(frozen=True)
class Built:
    """Where the library is and how it was made, or why there is none."""

    path: Path | None
    how: str


def cache_folder(environ: Mapping[str, str]) -> Path:
    """SIMULATOR_CACHE, else the user's cache directory, else a private folder for temporary files."""
    if environ.get("SIMULATOR_CACHE"):
        return Path(environ["SIMULATOR_CACHE"])
    base = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
    return Path(base or f"{tempfile.gettempdir()}/cache-{os.getuid()}") / "diffraction-simulator"


def compiler(environ: Mapping[str, str]) -> str | None:
    """The C compiler to use: CC if set, else the first one found."""
    wanted = [environ["CC"]] if environ.get("CC") else list(COMPILERS)
    return next((found for found in map(shutil.which, wanted) if found), None)


def processor() -> str:
    """Machine and processor features: a library built for one processor must not run on a lesser one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        features = platform.processor()
    return f"{platform.system()} {platform.machine()} {features}"


def fingerprint(folder: Path, cc: str) -> str:
    """Changes with the source, the flags, the compiler's own file, and the processor."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((folder / name).read_bytes())
    stamp = os.stat(os.path.realpath(cc))
    for part in (
        repr(FLAGS),
        repr(VARIANTS),
        os.path.realpath(cc),
        f"{stamp.st_size} {stamp.st_mtime_ns}",
        processor(),
    ):
        digest.update(part.encode())
    return digest.hexdigest()[:24]


def build(environ: Mapping[str, str]) -> Built:
    """The library for this machine, compiled if it is not in the cache."""
    cc = compiler(environ)
    if cc is None:
        return Built(None, "no C compiler found")
    source = Path(__file__).parent
    try:
        folder = cache_folder(environ)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid != os.getuid():
            return Built(None, f"{folder} belongs to another user")
        target = folder / f"kernel-{fingerprint(source, cc)}.so"
        if target.exists():
            return Built(target, f"cached {target.name}")
        return _compile(cc, source, target)
    except (OSError, subprocess.SubprocessError) as error:
        return Built(None, f"the kernel could not be built: {error}")


def _compile(cc: str, source: Path, target: Path) -> Built:
    """Compile beside the target and move into place, so that nobody loads half a library."""
    said = ""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "kernel.so"
        for variant in VARIANTS:
            said = _attempt(cc, source, made, variant)
            if not said:
                os.replace(made, target)
                return Built(target, f"built with {Path(cc).name} {' '.join(variant)}".rstrip())
    return Built(None, f"{Path(cc).name} failed: {said}")


def _attempt(cc: str, source: Path, made: Path, variant: tuple[str, ...]) -> str:
    """Compile each unit and link them; returns the first line of a complaint, or nothing."""
    objects = []
    for unit, flag in UNITS.items():
        objects.append(str(made.with_name(f"{unit}.o")))
        said = _run([cc, *FLAGS, *variant, flag, "-c", str(source / unit), "-o", objects[-1]])
        if said:
            return said
    return _run([cc, "-shared", *variant, *objects, "-o", str(made), "-lm"])


def _run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
