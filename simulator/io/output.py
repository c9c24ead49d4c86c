"""Write all files that a command line asks for, from one image."""

from dataclasses import dataclass
from pathlib import Path

from simulator.config import SimulatorError, checks
from simulator.detector import Detector
from simulator.extras import load_extra
from simulator.geometry import small_library
from simulator.io import images
from simulator.io.command.parse import Given
from simulator.io.command.translate import Experiment
from simulator.io.files import check_writable
from simulator.io.header import cbf_entries, smv_entries
from simulator.io.smv import write_smv

# Names of the files where the options give none, as in the reference.
FLOAT_FILE = Path("floatimage.bin")
SMV_FILE = Path("intimage.img")
PGM_FILE = Path("image.pgm")
NOISE_FILE = Path("noiseimage.img")

DEFAULT_ADC = 40.0
"""Read-out offset, ADU, as in the reference."""


@dataclass(frozen=True)
class Request:
    """The files to write (None: not wanted), and the numbers that shape them.

    scale          ADU per photon of the SMV image; None: automatic
    picture_scale  grey levels per photon of the PGM; None: automatic
    adc            read-out offset, ADU
    seed           of the photon noise, negative as the generator starts
    start          when the image is asked for, seconds since 1970
    """

    floats: Path
    smv: Path
    pgm: Path | None
    noise: Path | None
    numpy: Path | None
    cbf: Path | None
    nexus: Path | None
    edf: Path | None
    scale: float | None
    picture_scale: float | None
    adc: float
    seed: int
    start: int

    def paths(self) -> list[Path]:
        """The files that will be written."""
        wanted = (self.floats, self.smv, self.pgm, self.noise, self.numpy, self.cbf, self.nexus, self.edf)
        return [path for path in wanted if path is not None]


def check_libraries(request: Request) -> None:
    """Raise a SimulatorError where a file is wanted whose library is missing, before an image is made."""
    if request.nexus is not None:
        load_extra("h5py", "NeXus files (-nxfile)")
    if request.edf is not None:
        load_extra("fabio", "EDF files (-edffile)")


def check_outputs(paths: list[Path]) -> None:
    """Raise a SimulatorError for a file that cannot be written, and for two outputs of one name.

    Called before an image is computed.
    """
    seen: set[Path] = set()
    for path in paths:
        target = path.resolve()
        # Several outputs may go to /dev/null.
        if target in seen and (target.is_file() or not target.exists()):
            raise SimulatorError(f"two images would be written to {path}: give each a name of its own")
        seen.add(target)
        check_writable(path)


def request_of(given: Given, clock: int) -> Request:
    """Translate the output options; noise without a seed takes the clock's, as in the reference."""
    seed = given.whole("seed")
    if seed is not None:
        checks.seed("-seed", seed)
    return Request(
        floats=_path(given, "floatfile") or FLOAT_FILE,
        smv=_path(given, "intfile") or SMV_FILE,
        pgm=_path(given, "pgmfile") or PGM_FILE if given.last_of("pgmfile", "nopgm") != "nopgm" else None,
        noise=_path(given, "noisefile") or NOISE_FILE if _wants_noise(given) else None,
        numpy=_path(given, "npyfile"),
        cbf=_path(given, "cbffile"),
        nexus=_path(given, "nxfile"),
        edf=_path(given, "edffile"),
        scale=given.maybe("scale") or None,
        picture_scale=given.maybe("pgmscale") or None,
        adc=given.number("adc", DEFAULT_ADC),
        seed=-clock if seed is None else -seed,
        start=clock,
    )


def _cut_pixels(count: int) -> str:
    """What to say of pixels that do not fit into 16 bits."""
    return f", {count} pixels cut to 0 ... {images.TOP}" if count else ""


def _path(given: Given, key: str) -> Path | None:
    text = given.text(key)
    return None if text is None else Path(text)


def _wants_noise(given: Given) -> bool:
    """Whether an image with noise is written: of -noise, -nonoise and -noisefile the last counts."""
    return given.last_of("noise", "noisefile", "nonoise") != "nonoise"


def write_outputs(photons: images.Photons, experiment: Experiment, request: Request) -> list[str]:
    """Write everything asked for; return a line for the user on each file."""
    detector = Detector(experiment.detector, xp=small_library)
    entries = smv_entries(detector, experiment.beam, experiment.crystal)
    lines = [f"wrote {request.floats}: float32 photons"]
    images.write_float(request.floats, photons)
    if request.numpy is not None:
        images.write_numpy(request.numpy, photons)
        lines.append(f"wrote {request.numpy}: {photons.precision} photons")
    scale = request.scale or images.automatic_scale(photons)
    counts, cut = photons.counts(scale, request.adc)
    write_smv(request.smv, entries, counts)
    lines.append(
        f"wrote {request.smv}: {scale:g} ADU per photon, offset {request.adc:g} ADU" + _cut_pixels(cut)
    )
    if request.cbf is not None:
        # Here and below: modules for files that few commands write.
        import numpy as np

        from simulator.io.cbf import write_cbf

        comments = cbf_entries(detector, experiment.beam, experiment.crystal)
        values = np.frombuffer(counts, dtype=np.uint16).astype(np.int32)
        write_cbf(request.cbf, values.reshape(photons.shape), comments)
        lines.append(f"wrote {request.cbf}: the same counts")
    if request.nexus is not None:
        from simulator.io.nexus import Recorded, write_nexus

        recorded = Recorded(
            experiment.crystal, experiment.beam, experiment.detector, experiment.mask, request.start
        )
        write_nexus(request.nexus, photons.array(), recorded)
        lines.append(f"wrote {request.nexus}: {photons.precision} photons")
    if request.edf is not None:
        from simulator.io.edf import write_edf

        write_edf(request.edf, photons.array(), entries)
        lines.append(f"wrote {request.edf}: float32 photons")
    if request.pgm is not None:
        picture_scale = request.picture_scale or images.picture_scale(photons)
        images.write_pgm(request.pgm, photons, scale=picture_scale)
        lines.append(f"wrote {request.pgm}: {picture_scale:g} grey levels per photon")
    if request.noise is not None:
        counts, overloads = photons.noisy(request.seed, request.adc)
        write_smv(request.noise, entries, counts)
        lines.append(f"wrote {request.noise}: photon noise of seed {-request.seed}, {overloads} overloads")
    return lines
