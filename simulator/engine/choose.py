"""Choose the engine: the compiled kernel on a CPU, plain torch elsewhere or where it is asked for."""

import os
from collections.abc import Mapping

import torch

from simulator.config import SimulatorError
from simulator.engine.engine import Engine, TorchEngine
from simulator.engine.native.engine import KernelEngine
from simulator.engine.native.shared import shared
from simulator.engine.switch import ENGINES, disabled

DTYPES = (torch.float64, torch.float32)
"""Precisions of pixels."""


def usable_device(device: torch.device | str) -> torch.device:
    """Return the device; raise a SimulatorError where torch does not know it or cannot allocate there."""
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    # Torch raises an AssertionError where it was built without the device, and a RuntimeError for the rest.
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SimulatorError(f"the device {device} cannot be used: {first}") from None
    return found


def checked_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the precision of the pixels; raise a SimulatorError for another than float64 and float32."""
    if dtype not in DTYPES:
        raise SimulatorError(f"dtype is {dtype}: pixels are torch.float64 or torch.float32")
    return dtype


def choose_engine(
    wanted: str = "auto",
    *,
    device: torch.device,
    threads: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Engine:
    """Return the engine called `wanted`: auto, kernel or torch.

    "auto" takes the kernel on a CPU unless NANOBRAGG_DISABLE_COMPILE is set. A kernel that cannot be built is
    a SimulatorError only where it was asked for by name.
    """
    if wanted not in ENGINES:
        raise SimulatorError(f"engine is {wanted!r}: it must be one of {', '.join(ENGINES)}")
    if wanted == "torch":
        return TorchEngine()
    if wanted == "auto" and (disabled(environ) or device.type != "cpu"):
        return TorchEngine()
    if device.type != "cpu":
        raise SimulatorError(f"the kernel runs on a CPU, the device is {device}: ask for the engine torch")
    library = shared()
    if isinstance(library, str):
        if wanted == "kernel":
            raise SimulatorError(f"the kernel is not available: {library}")
        return TorchEngine(name=f"torch ({library})")
    return KernelEngine(library, threads=threads or torch.get_num_threads())
