"""Choose the engine: the compiled kernel on a CPU, plain torch elsewhere or where it is asked for."""

import os
from collections.abc import Mapping

import torch

from simulator.config import SimulatorError
from simulator.simulator.engine import Engine, TorchEngine
from simulator.simulator.native.engine import KernelEngine
from simulator.simulator.native.shared import shared
from simulator.simulator.switch import ENGINES, disabled


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
    library = shared()
    if isinstance(library, str):
        if wanted == "kernel":
            raise SimulatorError(f"the kernel is not available: {library}")
        return TorchEngine(name=f"torch ({library})")
    return KernelEngine(library, threads=threads or torch.get_num_threads())
