"""Build the kernel once per machine: cached under the hash of source, flags and processor features.

A cached kernel is used whether there is a compiler or not. A missing compiler raises nothing: the caller gets
the reason, and the plain path runs instead.
"""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("compile.py", "kernel.c", "body.inc", "noise.c", "convert.c")
"""What a library follows from: the sources, and the file that holds the compiler's flags."""

VARIANTS = (("-march=native", "-fopenmp"), ("-march=native",), ("-fopenmp",), ())
"""Tried in this order until one compiles."""


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
        import tempfile

        base = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return base / "diffraction-simulator"


def processor() -> str:
    """Describe machine and processor features: a library must not run on a processor that has fewer."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        features = ""
    machine = os.uname()
    return f"{machine.sysname} {machine.machine} {features}"


def c_library() -> str:
    """The version of the C library: what was linked against a newer one does not load with an older one."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def fingerprint(folder: Path) -> str:
    """Checksums of the source, the flags, the C library and the processor, hexadecimal.

    Not of the compiler: a kernel that was built and checked serves where there is none. Two checksums of 32
    bits, because the module of long hashes takes longer to load than a small image takes to compute; the
    folder holds this user's files alone.
    """
    content = [(folder / name).read_bytes() for name in SOURCES]
    content.extend(text.encode() for text in (repr(VARIANTS), c_library(), processor()))
    whole = b"\0".join(content)
    return f"{zlib.crc32(whole):08x}{zlib.adler32(whole):08x}"


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
    except OSError as error:
        return Built(None, f"the kernel could not be built: {error}")
    return _compile(environ, source, target)


def _compile(environ: Mapping[str, str], source: Path, target: Path) -> Built:
    """Compile beside the target and move into place, so that nobody loads half a library."""
    # Loaded only here: a command that finds a kernel starts no process.
    import subprocess
    import tempfile

    from simulator.engine.native.compile import compile_native, compiler

    cc = compiler(environ)
    if cc is None:
        return Built(None, "no C compiler found")
    message = ""
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = Path(folder) / "kernel.so"
            for variant in VARIANTS:
                message = compile_native(cc, source, made, variant)
                if not message:
                    os.replace(made, target)
                    return Built(target, f"built with {Path(cc).name} {' '.join(variant)}".rstrip())
    except (OSError, subprocess.SubprocessError) as error:
        return Built(None, f"the kernel could not be built: {error}")
    return Built(None, f"{Path(cc).name} failed: {message}")
