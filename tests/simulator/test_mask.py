"""Detector masks: which formats are read, and which pixels they skip."""

import numpy as np
import pytest

from simulator.__main__ import main
from simulator.config import SimulatorError
from simulator.io import mask
from simulator.io.mask import Mask, read_mask
from simulator.io.smv import Header, encode_header

WORDS = "-cell 40 50 60 -N 2 -default_F 10 -detpixels 8 -pixel 5 -oversample 1 -nonoise -nopgm -npyfile a.npy"

COUNTED = np.ones((8, 8), dtype=np.uint16)
COUNTED[2, 3:6] = 0


def smv(**entries):
    """The bytes of an SMV image of the mask, with more entries in its header."""
    size = [("BYTE_ORDER", "little_endian"), ("TYPE", "unsigned_short")]
    shape = [("SIZE1", "8"), ("SIZE2", "8"), ("PIXEL_SIZE", "5")]
    return encode_header([*size, *shape, *entries.items()]) + COUNTED.astype("<u2").tobytes()


@pytest.mark.parametrize("name", ["mask.img", "mask.SMV", "mask.any", "mask"])
def test_smv_is_read_whatever_the_suffix(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(smv())
    found = read_mask(path)
    assert np.array_equal(found.pixels, COUNTED)
    assert found.header.number("PIXEL_SIZE") == 5


def test_the_beam_centre_of_a_mask_is_flipped(tmp_path):
    """As in the reference: Y is measured from the other edge of 8 pixels of 5 mm."""
    path = tmp_path / "mask.img"
    path.write_bytes(smv(BEAM_CENTER_X="7", BEAM_CENTER_Y="11"))
    header = read_mask(path).header
    assert header.number("BEAM_CENTER_X") == 7
    assert header.number("BEAM_CENTER_Y") == 40 - 11


def test_one_entry_makes_a_format_known_to_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("mask.npy", COUNTED)
    with pytest.raises(SimulatorError, match="is not an SMV image"):
        read_mask(tmp_path / "mask.npy")

    def read_npy(path):
        return Mask(np.load(path).astype(np.int32), Header({}))

    monkeypatch.setitem(mask.READERS, ".npy", read_npy)
    assert main([*WORDS.split(), "-mask", "mask.npy"], clock=1) == 0
    image = np.load("a.npy")
    assert np.array_equal(image > 0, COUNTED > 0)
