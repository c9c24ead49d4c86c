"""Hatch's build hook: a wheel brings the compiled kernel along, for all processors of its platform.

SIMULATOR_PREBUILD   levels to build, of `LEVELS` in engine/native/compile.py (all unless it is set; they are
                     those of x86-64, elsewhere there is one); "none": a wheel for all platforms, no kernel

Without a compiler the wheel has no kernel either: the simulator then builds it at first use, where it can.
"""

import importlib.util
import os
import platform
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = "engine/native"
TARGET = f"{NATIVE}/prebuilt.so"
"""Where the kernel lies in the package; as PREBUILT in engine/native/library.py."""


class KernelHook(BuildHookInterface[Any]):
    """Compile the kernel into the wheel; an editable install has none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the kernel to the wheel, which then belongs to one platform and to any Python 3."""
        wanted = os.environ.get("SIMULATOR_PREBUILD")
        if self.target_name != "wheel" or version == "editable" or wanted == "none":
            return
        source = Path(self.root) / NATIVE
        compile_kernel = _module(source / "compile.py")
        cc = compile_kernel.compiler(os.environ)
        if cc is None:
            self.app.display_warning("no C compiler: this wheel has no kernel")
            return
        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name) / "prebuilt.so"
        message = compile_kernel.compile_portable(cc, source, made, _levels(wanted, compile_kernel.LEVELS))
        if message:
            raise RuntimeError(f"the kernel could not be compiled: {message}")
        build_data["force_include"][str(made)] = TARGET
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform_tag()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the compiled files."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _levels(wanted: str | None, known: dict[str, str]) -> list[str]:
    """The levels to build on this machine; none: the plain architecture."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return []
    if wanted is None:
        return list(known)
    levels = wanted.split()
    for level in levels:
        if level not in known:
            raise ValueError(f"SIMULATOR_PREBUILD has {level!r}: levels are {', '.join(known)}, or none")
    return levels


def _platform_tag() -> str:
    """This platform as wheels name it; auditwheel replaces `linux` by the C library that the kernel needs."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _module(path: Path) -> ModuleType:
    """Load a file of the package by its path: here the package itself cannot be imported."""
    spec = importlib.util.spec_from_file_location("simulator_compile", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
