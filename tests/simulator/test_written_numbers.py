"""What files hold of an image in the kernel's memory, and of the same as a numpy array: byte for byte."""

import ctypes
import io

import numpy as np
import pytest

from simulator.engine.native import verify
from simulator.engine.native.image import KernelImage
from simulator.engine.native.shared import shared
from simulator.io import images
from simulator.io.numpy_image import NumpyImage

pytestmark = pytest.mark.skipif(isinstance(shared(), str), reason="no compiler, so no kernel")

REGIONS = ((0, verify.COLUMNS - 1, 0, verify.ROWS - 1), (3, 20, 2, 5), (4, 4, 6, 6))
"""The whole, a part, and a single pixel: first and last column, first and last row."""


def both(region, pixels):
    """The same pixels as either kind of image."""
    plan = verify.replace(verify.FEW_CELLS, roi=region)
    image = KernelImage(shared(), plan)
    ctypes.memmove(image.memory, pixels.ctypes.data, pixels.nbytes)
    return image, NumpyImage(pixels, plan.rows, plan.columns)


def drawn(seed):
    """Photons over many orders of magnitude, with zeros, halves and numbers below 0."""
    draw = np.random.default_rng(seed)
    pixels = draw.exponential(size=(verify.ROWS, verify.COLUMNS)) * 10.0 ** draw.integers(
        -3, 5, size=verify.COLUMNS
    )
    pixels[0, :3] = (0.0, 0.5, 1.5)
    pixels[4, 5] = -3.25
    return pixels


def joined(parts):
    return b"".join(bytes(part) for part in parts)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("seed", range(4))
def test_both_give_the_same(region, seed):
    kernel, array = both(region, drawn(seed))
    assert kernel.shape == array.shape
    assert kernel.precision == array.precision
    assert kernel.extremes() == array.extremes()
    assert kernel.brightest() == array.brightest()
    assert kernel.total() == pytest.approx(array.total(), rel=1e-14)
    assert kernel.deviation() == pytest.approx(array.deviation(), rel=1e-13)
    assert joined(kernel.floats()) == joined(array.floats())
    assert joined(kernel.numbers()) == joined(array.numbers())
    assert np.array_equal(kernel.array(), array.array())
    for scale, adc in ((1.0, 40.0), (55000 / 123.4, 0.0), (1e-3, -20.0), (1e7, 70000.0)):
        found, right = kernel.counts(scale, adc), array.counts(scale, adc)
        assert (bytes(found[0]), found[1]) == (bytes(right[0]), right[1])
        assert bytes(kernel.grey(scale)) == bytes(array.grey(scale))


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("adc", [40.0, 65000.5, -30.0])
def test_both_draw_the_same_noise(region, adc):
    kernel, array = both(region, np.abs(drawn(9)))
    found, right = kernel.noisy(-7, adc), array.noisy(-7, adc)
    assert (bytes(found[0]), found[1]) == (bytes(right[0]), right[1])


def test_a_pixel_that_is_no_number_is_seen():
    pixels = drawn(1)
    pixels[3, 7] = np.nan
    kernel, _ = both(REGIONS[0], pixels)
    assert np.isnan(kernel.extremes()).all()
    pixels[3, 7] = np.inf
    kernel, array = both(REGIONS[0], pixels)
    assert kernel.extremes() == array.extremes()


@pytest.mark.parametrize("kind", ["f8", "f4"])
def test_a_numpy_file_is_read_by_numpy(tmp_path, kind):
    pixels = drawn(2).astype(kind)
    rows, columns = (range(size) for size in pixels.shape)
    images.write_numpy(tmp_path / "a.npy", NumpyImage(pixels, rows, columns))
    raw = (tmp_path / "a.npy").read_bytes()
    found = np.load(io.BytesIO(raw))
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)
    assert raw.index(b"\n") % 64 == 63, "the numbers begin at a multiple of 64 bytes"
