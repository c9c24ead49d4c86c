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
UNITS = ("kernel.c", "noise.c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
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
    """Compile next to the target and move into place, so that nobody loads half a library."""
    said = ""
    for variant in VARIANTS:
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".so")
        os.close(handle)
        units = [str(source / unit) for unit in UNITS]
        try:
            done = subprocess.run(
                [cc, *FLAGS, *variant, *units, "-o", name, "-lm"],
                capture_output=True,
                text=True,
                timeout=BUILD_SECONDS,
                check=False,
            )
            if done.returncode == 0:
                os.replace(name, target)
                return Built(target, f"built with {Path(cc).name} {' '.join(variant)}".rstrip())
            said = (done.stderr.strip().splitlines() or ["no message"])[0]
        finally:
            Path(name).unlink(missing_ok=True)
    return Built(None, f"{Path(cc).name} failed: {said}")
