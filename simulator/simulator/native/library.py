"""The built library as Python functions: C structures, array pointers, and nothing about physics."""

import ctypes
import os
from collections.abc import Mapping

import torch
from torch import Tensor

from simulator.simulator.native.build import build

MOST_COEFFICIENTS = 8
LONG, DOUBLE, POINTER = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
SUFFIX = {torch.float64: "f64", torch.float32: "f32"}


class CScene(ctypes.Structure):
    """Mirrors `Scene` of kernel.c, field by field."""

    _fields_ = (
        *((name, LONG) for name in ("spixels", "fpixels", "first_column", "columns", "first_row")),
        *(
            (name, LONG)
            for name in ("oversample", "layers", "thick", "shape", "polarized", "kahn_zero", "point_pixel")
        ),
        *((name, LONG) for name in ("omega_from", "polarization_from", "capture_from")),
        *((name, LONG) for name in ("orientations", "sources", "polynomial", "degree", "odd", "has_table")),
        ("table_shape", LONG * 3),
        ("table_lowest", LONG * 3),
        *((name, DOUBLE * 3) for name in ("origin", "fast", "slow", "normal")),
        *((name, DOUBLE) for name in ("pixel", "close", "layer_step", "absorption", "kahn", "fudge", "dmin")),
        *((name, DOUBLE) for name in ("amplitude", "default_square")),
        ("cells", DOUBLE * 3),
        ("metric", DOUBLE * 9),
        ("coefficients", (DOUBLE * MOST_COEFFICIENTS) * 3),
        ("even", DOUBLE * 3),
    )


class CSource(ctypes.Structure):
    """Mirrors `Source` of kernel.c."""

    _fields_ = (
        ("direction", DOUBLE * 3),
        ("electric", DOUBLE * 3),
        ("magnetic", DOUBLE * 3),
        ("inverse_wavelength", DOUBLE),
        ("weight", DOUBLE),
    )


class Library:
    """The functions of one loaded library."""

    def __init__(self, path: str, how: str) -> None:
        self.path, self.how = path, how
        self._library = ctypes.CDLL(path)

    def image(
        self,
        scene: CScene,
        sources: "ctypes.Array[CSource]",
        real: Tensor,
        table: Tensor | None,
        *,
        out: Tensor,
        span: tuple[int, int],
        threads: int,
    ) -> None:
        """Fill `out` with the photons of pixels span[0] ... span[1] - 1 of the region of interest."""
        call = getattr(self._library, f"image_{SUFFIX[out.dtype]}")
        call.restype = None
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(ctypes.byref(scene), sources, _at(real), _at(table), _at(out), *limits)

    def pullback(
        self,
        scene: CScene,
        sources: "ctypes.Array[CSource]",
        real: Tensor,
        table: Tensor | None,
        *,
        upstream: Tensor,
        span: tuple[int, int],
        threads: int,
    ) -> Tensor:
        """[R, 3, 3] float64: the gradient of sum(upstream x image) by the lattice vectors."""
        call = getattr(self._library, f"pullback_{SUFFIX[upstream.dtype]}")
        call.restype = None
        grad = torch.zeros((threads, real.shape[0], 3, 3), dtype=torch.float64)
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(ctypes.byref(scene), sources, _at(real), _at(table), _at(upstream), _at(grad), *limits)
        return grad.sum(0)

    def noise(self, pixels: ctypes.c_void_p, count: int, seed: int) -> None:
        """Replace `count` float32 means by Poisson deviates."""
        self._library.poisson_deviates.restype = None
        self._library.poisson_deviates(pixels, LONG(count), LONG(seed))


def _at(tensor: Tensor | None) -> ctypes.c_void_p:
    """The address of a contiguous tensor's numbers."""
    if tensor is None:
        return POINTER(None)
    assert tensor.is_contiguous()
    assert tensor.device.type == "cpu"
    return POINTER(tensor.data_ptr())


def load(environ: Mapping[str, str] = os.environ) -> Library | str:
    """The library, or the reason why there is none."""
    built = build(environ)
    if built.path is None:
        return built.how
    try:
        return Library(str(built.path), built.how)
    except OSError as error:
        return f"the kernel could not be loaded: {error}"
