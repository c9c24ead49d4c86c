"""Apply the options of a command line in their order, as the C program sets its variables.

Rules of the reference, with the differences that docs/simulator.md lists. `Refused` stands for exit code 2.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.simulator.oracle import Vector

CACHE = "Fdump.bin"
"""Written after a file of reflections was read, and read where none is given."""


class Refused(Exception):
    """The command ends with exit code 2."""


def refuse_unless(condition: bool, what: str) -> None:
    if not condition:
        raise Refused(what)


ALIASES = {
    "-samplesize": "-xtalsize",
    "-xtal_thickness": "-xtal_thick",
    "-sample_thick": "-xtal_thick",
    "-sample_thickness": "-xtal_thick",
    "-sample_width": "-xtal_width",
    "-width": "-xtal_width",
    "-sample_height": "-xtal_height",
    "-height": "-xtal_height",
    "-mosaic": "-mosaic_spread",
    "-mosaici": "-mosaic_spread",
    "-mosaic_dom": "-mosaic_domains",
    "-binary_spots": "-tophat_spots",
    "-wave": "-lambda",
    "-wavelength": "-lambda",
    "-polarization": "-polar",
    "-detpixels_f": "-detpixels_x",
    "-detpixels_s": "-detpixels_y",
    "-detsize_x": "-detsize_f",
    "-detsize_y": "-detsize_s",
    "-detector_thickness": "-detector_thick",
    "-thicksteps": "-detector_thicksteps",
}


WITHOUT_VALUE = """
    -interpolate -nointerpolate -square_xtal -round_xtal -gauss_xtal -tophat_spots -nopolar -round_div
    -square_div
    -mosflm -denzo -adxv -xds -dials -point_pixel -curved_det -oversample_thick -oversample_polar
    -oversample_omega -noise -nonoise -nopgm -progress -noprogress -exact_cell -use_source_weights
    -oversample_independent -use_stol -water_once -nearest_outside
"""
THREE_VALUES = """
    -fdet_vector -sdet_vector -odet_vector -beam_vector -polar_vector -spindle_axis -twotheta_axis
    -pix0_vector
"""

VALUES = {
    **dict.fromkeys(WITHOUT_VALUE.split(), 0),
    **dict.fromkeys(THREE_VALUES.split(), 3),
    "-roi": 4,
}
"""Number of values of an option; one where it is not named here. `split` knows three that vary."""

CONTRADICTIONS = (
    {"-mosflm", "-denzo", "-adxv", "-xds", "-dials"},
    {"-square_xtal", "-round_xtal", "-gauss_xtal", "-tophat_spots"},
    {"-interpolate", "-nointerpolate"},
    {"-round_div", "-square_div"},
    {"-lambda", "-energy"},
)
"""Of each set a command may give one."""


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def split(words: list[str]) -> list[tuple[str, list[str]]]:
    """Options with their values, in order."""
    found, at = [], 0
    while at < len(words):
        name = ALIASES.get(words[at], words[at])
        at += 1
        if name in ("-cell", "-phi_carryover"):
            count = 0
            while at + count < len(words) and is_number(words[at + count]):
                count += 1
        elif name == "-misset":
            count = 1 if words[at] == "random" else 3
        else:
            count = VALUES.get(name, 1)
        found.append((name, words[at : at + count]))
        at += count
    return found


def header_entries(path: Path) -> tuple[dict[str, str], bytes]:
    """The entries of an SMV header, and the bytes behind it."""
    raw = path.read_bytes()
    text = raw[: raw.index(b"}")].decode("ascii")
    entries = {}
    for line in text.replace(";", "\n").splitlines():
        if "=" in line:
            key, value = line.split("=", 1)
            entries[key.strip()] = value.strip()
    return entries, raw[int(entries["HEADER_BYTES"]) :]


@dataclass
class Settings:
    """The variables that options set, with their defaults; mm, degrees, mrad, um as on the command line."""

    given: set[str] = field(default_factory=set)
    cell: list[float] | None = None
    matrix: list[float] | None = None
    misset: Vector = (0.0, 0.0, 0.0)
    misset_random: bool = False
    misset_seed: int | None = None
    cells: list[int] = field(default_factory=lambda: [1, 1, 1])
    sizes: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    hkl: Path | None = None
    cache: Path = Path(CACHE)
    default_F: float = 0.0
    shape: str = "SQUARE"
    fudge: float = 1.0
    spread: float = 0.0
    domains: int = 0
    mosaic_seed: int = 12345678
    phi: float = 0.0
    osc: float | None = None
    phistep: float = 0.0
    phisteps: int = 0
    threads: int = 0
    wavelength: float = 1.0
    fluence: float = 1.25932015286227086360700780544e29
    flux: float = 0.0
    exposure: float = 1.0
    beamsize: float = 0.1
    kahn: float = 0.0
    nopolar: bool = False
    dispersion: float = 0.0
    dispsteps: int = 0
    ranges: list[float | None] = field(default_factory=lambda: [None, None])
    divsteps: list[int] = field(default_factory=lambda: [0, 0])
    divstep: list[float] = field(default_factory=lambda: [0.0, 0.0])
    sourcefile: Path | None = None
    spectrum: Path | None = None
    dmin: float = 0.0
    pixels: list[int] = field(default_factory=lambda: [0, 0])
    detsize: list[float] = field(default_factory=lambda: [0.0, 0.0])
    pixel: float = 0.1
    distance: float = 100.0
    close: float | None = None
    beam_centre: list[float | None] = field(default_factory=lambda: [None, None])
    close_centre: list[float | None] = field(default_factory=lambda: [None, None])
    org: list[float | None] = field(default_factory=lambda: [None, None])
    convention: str = "MOSFLM"
    pivot: str = "BEAM"
    rotations: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    twotheta: float = 0.0
    vectors: dict[str, Vector] = field(default_factory=dict)
    custom: bool = False
    attenuation: float | None = None
    bare: bool = False
    thick: float = 0.0
    thicksteps: int | None = None
    oversample: int = 0
    roi: list[int] | None = None
    mask: "np.ndarray | None" = None
    water: float = 0.0
    liquid_file: tuple[str, Path] | None = None
    scale: float = 0.0
    pgmscale: float = 0.0
    adc: float = 40.0
    seed: int | None = None
    files: dict[str, Path | None] = field(
        default_factory=lambda: {
            "float": Path("floatimage.bin"),
            "int": Path("intimage.img"),
            "pgm": Path("image.pgm"),
            "noise": Path("noiseimage.img"),
            "npy": None,
            "cbf": None,
        }
    )
    noise_name: Path = Path("noiseimage.img")
    pgm_name: Path = Path("image.pgm")


NUMBERS = {
    "-default_F": "default_F",
    "-fudge": "fudge",
    "-mosaic_spread": "spread",
    "-phi": "phi",
    "-osc": "osc",
    "-phistep": "phistep",
    "-lambda": "wavelength",
    "-fluence": "fluence",
    "-flux": "flux",
    "-exposure": "exposure",
    "-beamsize": "beamsize",
    "-dispersion": "dispersion",
    "-dmin": "dmin",
    "-pixel": "pixel",
    "-water": "water",
    "-scale": "scale",
    "-pgmscale": "pgmscale",
    "-adc": "adc",
    "-detector_thick": "thick",
}
"""Options that only set one number."""


WHOLE = {
    "-mosaic_domains": "domains",
    "-mosaic_seed": "mosaic_seed",
    "-misset_seed": "misset_seed",
    "-phisteps": "phisteps",
    "-dispsteps": "dispsteps",
    "-detector_thicksteps": "thicksteps",
    "-oversample": "oversample",
    "-seed": "seed",
}


def whole(word: str) -> int:
    """A whole number, which may be written as 2.0."""
    return int(float(word))


PAIRS: dict[str, tuple[str, tuple[int, ...], Callable[[str], float]]] = {
    "-N": ("cells", (0, 1, 2), whole),
    "-Na": ("cells", (0,), whole),
    "-Nb": ("cells", (1,), whole),
    "-Nc": ("cells", (2,), whole),
    "-xtalsize": ("sizes", (0, 1, 2), float),
    "-xtal_thick": ("sizes", (0,), float),
    "-xtal_width": ("sizes", (1,), float),
    "-xtal_height": ("sizes", (2,), float),
    "-divergence": ("ranges", (0, 1), float),
    "-hdivrange": ("ranges", (0,), float),
    "-vdivrange": ("ranges", (1,), float),
    "-hdivstep": ("divstep", (0,), float),
    "-vdivstep": ("divstep", (1,), float),
    "-divsteps": ("divsteps", (0, 1), whole),
    "-hdivsteps": ("divsteps", (0,), whole),
    "-vdivsteps": ("divsteps", (1,), whole),
    "-detpixels": ("pixels", (0, 1), whole),
    "-detpixels_x": ("pixels", (0,), whole),
    "-detpixels_y": ("pixels", (1,), whole),
    "-detsize": ("detsize", (0, 1), float),
    "-detsize_f": ("detsize", (0,), float),
    "-detsize_s": ("detsize", (1,), float),
    "-Xbeam": ("beam_centre", (0,), float),
    "-Ybeam": ("beam_centre", (1,), float),
    "-Xclose": ("close_centre", (0,), float),
    "-Yclose": ("close_centre", (1,), float),
    "-ORGX": ("org", (0,), float),
    "-ORGY": ("org", (1,), float),
    "-detector_rotx": ("rotations", (0,), float),
    "-detector_roty": ("rotations", (1,), float),
    "-detector_rotz": ("rotations", (2,), float),
}
"""Options that set some numbers of a list: its name, the places, the kind."""


SAMPLE_PIVOT = {"-close_distance", "-Xclose", "-Yclose", "-ORGX", "-ORGY", "-twotheta", "-xds", "-dials"}


BEAM_PIVOT = {"-distance", "-Xbeam", "-Ybeam", "-mosflm", "-denzo", "-adxv"}
"""Options that set the pivot on the way; it counts for custom axes alone."""


SHAPES = {
    "-square_xtal": "SQUARE",
    "-round_xtal": "ROUND",
    "-gauss_xtal": "GAUSS",
    "-tophat_spots": "TOPHAT",
}


def import_headers(settings: Settings, options: list[tuple[str, list[str]]], folder: Path) -> None:
    """-mask first, then -img, before any other option; the mask's Y is measured from the other edge."""
    paths = {name: folder / values[0] for name, values in options if name in ("-mask", "-img")}
    entries: dict[str, str] = {}
    if "-mask" in paths:
        found, body = header_entries(paths["-mask"])
        if {"BEAM_CENTER_Y", "SIZE2", "PIXEL_SIZE"} <= found.keys():
            height = float(found["SIZE2"]) * float(found["PIXEL_SIZE"])
            found["BEAM_CENTER_Y"] = repr(height - float(found["BEAM_CENTER_Y"]))
        entries.update(found)
        fast, slow = int(found["SIZE1"]), int(found["SIZE2"])
        settings.mask = np.frombuffer(body, "<u2", count=fast * slow).reshape(slow, fast) != 0
    if "-img" in paths:
        entries.update(header_entries(paths["-img"])[0])
    number = {key: float(value) for key, value in entries.items() if is_number(value)}
    settings.pixels = [int(number.get("SIZE1", 0)), int(number.get("SIZE2", 0))]
    settings.pixel = number.get("PIXEL_SIZE", settings.pixel)
    settings.distance = number.get("DISTANCE", settings.distance)
    settings.close = number.get("CLOSE_DISTANCE")
    settings.wavelength = number.get("WAVELENGTH", settings.wavelength)
    settings.beam_centre = [number.get("BEAM_CENTER_X"), number.get("BEAM_CENTER_Y")]
    settings.org = [number.get("XDS_ORGX"), number.get("XDS_ORGY")]
    settings.phi = number.get("PHI", 0.0)
    settings.osc = number.get("OSC_RANGE")


def settings_of(words: list[str], folder: Path) -> Settings:
    """Apply all options in order."""
    options = split(words)
    s = Settings(given={name for name, _ in options}, cache=folder / CACHE)
    for group in CONTRADICTIONS:
        refuse_unless(len(group & s.given) < 2, f"{group} contradict each other")
    import_headers(s, options, folder)
    header_pixels = s.pixels
    s.pixels = [0, 0]
    close_given = False
    for name, values in options:
        apply(s, name, values, folder)
        close_given = close_given or name == "-close_distance"
    if "-distance" in s.given and not close_given:
        s.close = None
    for axis in (0, 1):
        # A size in mm wins over the header's count of pixels.
        if s.pixels[axis] == 0 and s.detsize[axis] == 0:
            s.pixels[axis] = header_pixels[axis]
    if {"-polar", "-nopolar"} <= s.given and s.kahn != 0:
        raise Refused("-polar contradicts -nopolar")
    return s


def apply(s: Settings, name: str, values: list[str], folder: Path) -> None:
    """What one option does."""
    if name in BEAM_PIVOT:
        s.pivot = "BEAM"
    if name in SAMPLE_PIVOT:
        s.pivot = "SAMPLE"
    if name in NUMBERS:
        setattr(s, NUMBERS[name], float(values[0]))
    elif name in WHOLE:
        setattr(s, WHOLE[name], int(float(values[0])))
    elif name in PAIRS:
        attribute, places, kind = PAIRS[name]
        for place in places:
            getattr(s, attribute)[place] = kind(values[0])
        refuse_unless(attribute != "pixels" or whole(values[0]) > 0, "no pixels")
    elif name in SHAPES:
        s.shape = SHAPES[name]
    elif name in ("-mosflm", "-denzo", "-adxv", "-xds", "-dials"):
        s.convention = name[1:].upper()
    elif name.endswith(("_vector", "_axis")):
        s.custom = True
        vector = (float(values[0]), float(values[1]), float(values[2]))
        s.vectors[name] = vector
        if name == "-twotheta_axis":
            s.twotheta, s.pivot = vector[0], "SAMPLE"
    else:
        apply_rest(s, name, values, folder)


def apply_rest(s: Settings, name: str, values: list[str], folder: Path) -> None:
    """Options of crystal and beam that do more than to set a number."""
    match name:
        case "-cell":
            edges = [float(value) for value in values]
            edges += [edges[0]] * (3 - len(edges))
            s.cell = edges + [90.0] * (6 - len(edges))
        case "-mat":
            s.matrix = [float(word) for word in (folder / values[0]).read_text().split()[:9]]
        case "-misset":
            s.misset_random = values[0] == "random"
            if not s.misset_random:
                s.misset = (float(values[0]), float(values[1]), float(values[2]))
        case "-hkl":
            s.hkl = folder / values[0]
            refuse_unless(s.hkl.exists(), "no file of reflections")
        case "-phi_carryover":
            s.threads = int(values[0]) if values else 1
        case "-energy":
            refuse_unless(float(values[0]) > 0, "energy")
            s.wavelength = 12398.42 / float(values[0])
        case "-polar":
            s.kahn, s.nopolar = float(values[0]), False
        case "-nopolar":
            s.nopolar = True
        case "-sourcefile":
            s.sourcefile = folder / values[0]
        case "-spectrum":
            s.spectrum = folder / values[0]
        case _:
            apply_detector(s, name, values, folder)


def apply_detector(s: Settings, name: str, values: list[str], folder: Path) -> None:
    """The same for the detector's."""
    match name:
        case "-distance":
            s.distance = float(values[0])
        case "-close_distance":
            s.close = float(values[0])
        case "-twotheta":
            s.twotheta = float(values[0])
        case "-pivot":
            s.pivot = values[0].upper()
        case "-detector_abs":
            s.bare = values[0] == "inf"
            s.attenuation = None if s.bare else float(values[0])
        case "-roi":
            s.roi = [int(value) for value in values]
        case "-stol" | "-4stol" | "-Q":
            s.liquid_file = (name, folder / values[0])
        case _:
            apply_output(s, name, values)


def apply_output(s: Settings, name: str, values: list[str]) -> None:
    """Names of files. The rest is looked for in `given`, or changes nothing: -threads, -engine ..."""
    match name:
        case "-nopgm":
            s.files["pgm"] = None
        case "-pgmfile":
            s.pgm_name = s.files["pgm"] = Path(values[0])
        case "-nonoise":
            s.files["noise"] = None
        case "-noise":
            s.files["noise"] = s.noise_name
        case "-noisefile":
            s.noise_name = s.files["noise"] = Path(values[0])
        case "-floatfile" | "-intfile" | "-npyfile" | "-cbffile":
            s.files[name[1:-4]] = Path(values[0])
