"""Images of other formats through fabio: EDF files, and masks of any format that it reads."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.extras import load_extra
from simulator.io.files import write_whole


def write_edf(path: Path, image: NDArray[np.floating], entries: list[tuple[str, str]]) -> None:
    """Write photons [slow, fast] as float32, with the entries of the SMV header that speak of no bytes."""
    fabio = load_extra("fabio", "EDF files (-edffile)")
    own = {"HEADER_BYTES", "DIM", "BYTE_ORDER", "TYPE", "SIZE1", "SIZE2"}
    header = {key: value for key, value in entries if key not in own}
    picture = fabio.edfimage.EdfImage(data=image.astype(np.float32), header=header)
    # Fabio writes to a name alone; the file goes into place as a whole.
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "image.edf"
        picture.write(str(written))
        content = written.read_bytes()
    write_whole(path, content)


def read_by_fabio(path: Path) -> NDArray[Any]:
    """Read the first image [slow, fast] of a file; raise a SimulatorError for one that fabio cannot read."""
    fabio = load_extra("fabio", f"masks in {path.suffix} files")
    if not path.is_file():
        raise SimulatorError(f"cannot read the mask {path}: there is no such file")
    try:
        with fabio.open(str(path)) as image:
            pixels = np.array(image.data)
    # A damaged file makes fabio raise whatever its parts raise.
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise SimulatorError(f"cannot read the mask {path}: {lines[0]}") from None
    if pixels.ndim != 2 or pixels.dtype.kind not in "biuf":
        raise SimulatorError(f"cannot read the mask {path}: it is no image of numbers in two dimensions")
    return pixels
