"""All files that a command line asks for, from one image."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.detector import Detector
from simulator.io import images
from simulator.io.cbf import write_cbf
from simulator.io.command.parse import Given
from simulator.io.command.translate import Experiment
from simulator.io.header import smv_entries
from simulator.io.smv import write_smv

Noise = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
DEFAULTS = {
    "floatfile": "floatimage.bin",
    "intfile": "intimage.img",
    "pgmfile": "image.pgm",
    "noisefile": "noiseimage.img",
}


@dataclass(frozen=True)
class Request:
    """Where each format goes (None: not wanted), and the numbers that shape it."""

    floats: Path
    smv: Path
    pgm: Path | None
    noise: Path | None
    numpy: Path | None
    cbf: Path | None
    scale: float | None
    picture_scale: float | None
    adc: float
    seed: int


def request_of(given: Given, clock: int) -> Request:
    """The reference's default names, unless the options say otherwise. Noise without a seed takes the
    clock's."""

    def named(key: str) -> Path | None:
        text = given.text(key)
        return None if text is None else Path(text)

    seed = given.whole("seed")
    last = {key: given.order.index(key) for key in ("noise", "nonoise", "noisefile") if given.has(key)}
    silent = "nonoise" in last and last["nonoise"] == max(last.values())
    return Request(
        floats=named("floatfile") or Path(DEFAULTS["floatfile"]),
        smv=named("intfile") or Path(DEFAULTS["intfile"]),
        pgm=None if given.has("nopgm") else named("pgmfile") or Path(DEFAULTS["pgmfile"]),
        noise=None if silent else named("noisefile") or Path(DEFAULTS["noisefile"]),
        numpy=named("npyfile"),
        cbf=named("cbffile"),
        scale=given.maybe("scale") or None,
        picture_scale=given.maybe("pgmscale") or None,
        adc=given.number("adc", 40.0),
        seed=-clock if seed is None else -seed,
    )


def write_outputs(
    image: images.Image, experiment: Experiment, request: Request, *, window: images.Window, noise: Noise
) -> list[str]:
    """Write everything asked for; returns a line for each file."""
    detector = Detector(experiment.detector, xp=np)
    entries = smv_entries(detector, experiment.beam, experiment.crystal)
    said = [f"wrote {request.floats}: float32 photons"]
    images.write_float(request.floats, image)
    if request.numpy is not None:
        images.write_numpy(request.numpy, image)
        said.append(f"wrote {request.numpy}: {image.dtype} photons")
    scale = request.scale or images.automatic_scale(image, window)
    counts = images.counts(image, window, scale=scale, adc=request.adc)
    write_smv(request.smv, entries, counts)
    said.append(f"wrote {request.smv}: {scale:g} ADU per photon, offset {request.adc:g} ADU")
    if request.cbf is not None:
        write_cbf(request.cbf, counts.astype(np.int32), [f"{key} {value}" for key, value in entries])
        said.append(f"wrote {request.cbf}: the same counts")
    if request.pgm is not None:
        grey = request.picture_scale or images.picture_scale(image, window)
        images.write_pgm(request.pgm, image, scale=grey)
        said.append(f"wrote {request.pgm}: {grey:g} grey levels per photon")
    if request.noise is not None:
        said.append(_write_noise(image, entries, request, window=window, noise=noise))
    return said


def _write_noise(
    image: images.Image,
    entries: list[tuple[str, str]],
    request: Request,
    *,
    window: images.Window,
    noise: Noise,
) -> str:
    assert request.noise is not None
    deviates = np.zeros(image.shape, dtype=np.float32)
    deviates[window.rows, window.columns] = noise(window.of(image).astype(np.float32), request.seed)
    counts, overloads = images.read_out(deviates, window, adc=request.adc)
    write_smv(request.noise, entries, counts)
    return f"wrote {request.noise}: photon noise of seed {-request.seed}, {overloads} overloads"
