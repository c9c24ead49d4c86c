"""Build the kernel once per machine: cached under the hash of source, flags and processor features.

A cached kernel is used whether there is a compiler or not. A missing compiler raises nothing: the caller gets
the reason, and the plain path runs instead.
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
    # Without these two, rounding and square roots are library calls, and loops over pixels no vector code.
    "-fno-math-errno",
    "-fno-trapping-math",
)

VARIANTS = (("-march=native", "-fopenmp"), ("-march=native",), ("-fopenmp",), ())
"""Tried in this order until one compiles."""

BUILD_SECONDS = 600
"""A compiler that takes longer is given up. It needs ten seconds, and a minute on a busy machine."""

FINGERPRINT_DIGITS = 24
"""Hexadecimal digits of the hash in a library's name: 96 bits."""


@dataclass(frozen=True)
class Built:
    """The library's path and how it was made; without a path, why there is none."""

    path: Path | None
    how: str


def cache_folder(environ: Mapping[str, str]) -> Path:
    """SIMULATOR_CACHE, else the user's cache directory, else a private folder for temporary files."""
    if environ.get("SIMULATOR_CACHE"):
        return Path(environ["SIMULATOR_CACHE"])
    if environ.get("XDG_CACHE_HOME"):
        base = Path(environ["XDG_CACHE_HOME"])
    elif environ.get("HOME"):
        base = Path(environ["HOME"]) / ".cache"
    else:
        base = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return base / "diffraction-simulator"


def compiler(environ: Mapping[str, str]) -> str | None:
    """Path of the C compiler: CC if set, else the first one found; None: there is none."""
    wanted = [environ["CC"]] if environ.get("CC") else COMPILERS
    for name in wanted:
        found = shutil.which(name)
        if found:
            return found
    return None


def processor() -> str:
    """Describe machine and processor features: a library must not run on a processor that has fewer."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        features = platform.processor()
    return f"{platform.system()} {platform.machine()} {features}"


def c_library() -> str:
    """The version of the C library: what was linked against a newer one does not load with an older one."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def fingerprint(folder: Path) -> str:
    """Hash of the source, the flags, the C library and the processor, hexadecimal.

    Not of the compiler: a kernel that was built and checked serves where there is none.
    """
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((folder / name).read_bytes())
    digest.update(repr(FLAGS).encode())
    digest.update(repr(VARIANTS).encode())
    digest.update(c_library().encode())
    digest.update(processor().encode())
    return digest.hexdigest()[:FINGERPRINT_DIGITS]


def build(environ: Mapping[str, str], *, anew: bool = False) -> Built:
    """Find the library for this machine in the cache, or compile it; `anew` compiles in any case."""
    source = Path(__file__).parent
    try:
        folder = cache_folder(environ)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A folder of another user may hold any code under the library's name.
        if folder.stat().st_uid != os.getuid():
            return Built(None, f"{folder} belongs to another user")
        target = folder / f"kernel-{fingerprint(source)}.so"
        if target.exists() and not anew:
            return Built(target, f"cached {target.name}")
        cc = compiler(environ)
        if cc is None:
            return Built(None, "no C compiler found")
        return _compile(cc, source, target)
    except (OSError, subprocess.SubprocessError) as error:
        return Built(None, f"the kernel could not be built: {error}")


def _compile(cc: str, source: Path, target: Path) -> Built:
    """Compile beside the target and move into place, so that nobody loads half a library."""
    message = ""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "kernel.so"
        for variant in VARIANTS:
            message = _attempt(cc, source, made, variant)
            if not message:
                os.replace(made, target)
                return Built(target, f"built with {Path(cc).name} {' '.join(variant)}".rstrip())
    return Built(None, f"{Path(cc).name} failed: {message}")


def _attempt(cc: str, source: Path, made: Path, variant: tuple[str, ...]) -> str:
    """Compile each unit and link them; return the first line of the compiler's message, "" on success."""
    objects = []
    for unit, flag in UNITS.items():
        compiled = str(made.with_name(f"{unit}.o"))
        message = _run([cc, *FLAGS, *variant, flag, "-c", str(source / unit), "-o", compiled])
        if message:
            return message
        objects.append(compiled)
    return _run([cc, "-shared", *variant, *objects, "-o", str(made), "-lm"])


def _run(words: list[str]) -> str:
    """Run a compiler; return the first line of its message, "" on success."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"
