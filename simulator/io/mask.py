"""Read detector masks: which pixels count, and the geometry that a mask's header carries.

A mask is an image of the detector's size in which 0 marks a pixel to be skipped. To add a format, write a
function that returns a `Mask` and name its file suffix in `READERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.io.smv import Header, read_smv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Mask:
    """A mask as it was read.

    pixels  [slow, fast], 0 for a pixel to be skipped
    header  entries that set the detector's geometry; `Header({})` where the format has none
    """

    pixels: "NDArray[np.int32]"
    header: Header


def read_smv_mask(path: Path) -> Mask:
    """Read an SMV image; the Y of its beam centre is measured from the other edge, as in the reference."""
    pixels, header = read_smv(path)
    return Mask(pixels.astype("int32"), header.with_flipped_centre())


def read_fabio_mask(path: Path) -> Mask:
    """Read an image by fabio; its header sets no geometry."""
    # Only here: commands without such a mask never load fabio.
    from simulator.io.edf import read_by_fabio

    return Mask((read_by_fabio(path) != 0).astype("int32"), Header({}))


READERS: dict[str, Callable[[Path], Mask]] = {
    ".img": read_smv_mask,
    ".smv": read_smv_mask,
    ".cbf": read_fabio_mask,
    ".edf": read_fabio_mask,
    ".tif": read_fabio_mask,
    ".tiff": read_fabio_mask,
}
"""Readers by file suffix, in lower case."""


def read_mask(path: Path) -> Mask:
    """Read a mask in the format that its suffix names; SMV for any other suffix.

    Raises a SimulatorError for a file that cannot be read.
    """
    reader = READERS.get(path.suffix.lower(), read_smv_mask)
    return reader(path)
