"""A slow, plain computation of an image, to judge the simulator by.

It follows what is publicly known of the C program nanoBragg (github.com/bl831/nanoBragg) as facts: which
quantity is computed from which, in which order its loops run, and which sample's factors a pixel takes. The
formulas stand in this file beside the code, so nothing else is needed to read it. It shares no line with the
simulator: one number at a time, Python's own arithmetic, no torch, no kernel, no vectors longer than three.

`oracle_command.py` makes an `Experiment` of a command line; here it becomes an image. Units: metres for the
detector, Angstrom for cells and wavelengths, radians.
"""

import math
from dataclasses import dataclass, field

import numpy as np

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

R_E_SQUARE = 7.94079248018965e-30
"""Classical electron radius squared, m^2."""

AVOGADRO = 6.02214179e23
WATER_F, WATER_WEIGHT = 2.57, 18.0
"""Electrons and g/mol of a water molecule."""


def dot(u: Vector, v: Vector) -> float:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def cross(u: Vector, v: Vector) -> Vector:
    return (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])


def times(number: float, u: Vector) -> Vector:
    return (number * u[0], number * u[1], number * u[2])


def plus(*vectors: Vector) -> Vector:
    return (sum(v[0] for v in vectors), sum(v[1] for v in vectors), sum(v[2] for v in vectors))


def minus(u: Vector, v: Vector) -> Vector:
    return (u[0] - v[0], u[1] - v[1], u[2] - v[2])


def size(u: Vector) -> float:
    return math.sqrt(dot(u, u))


def unit(u: Vector) -> Vector:
    return times(1 / size(u), u)


def turned(u: Vector, axis: Vector, angle: float) -> Vector:
    """Rodrigues: u cos t + (axis x u) sin t + axis (axis.u)(1 - cos t); the axis is used as given."""
    along = dot(axis, u) * (1 - math.cos(angle))
    return plus(times(math.cos(angle), u), times(math.sin(angle), cross(axis, u)), times(along, axis))


def turned_xyz(u: Vector, x: float, y: float, z: float) -> Vector:
    """About the lab x axis, then y, then z."""
    u = turned(u, (1, 0, 0), x)
    u = turned(u, (0, 1, 0), y)
    return turned(u, (0, 0, 1), z)


@dataclass(frozen=True)
class Source:
    """Direction in which its photons travel, wavelength in Angstrom, weight with the mean 1."""

    direction: Vector
    wavelength: float
    weight: float


@dataclass
class Experiment:
    """Everything that an image depends on.

    real, star      a, b, c in Angstrom; a*, b*, c* in 1/Angstrom, before the spindle
    blocks          rotation matrices (rows) of the mosaic domains
    table           F of reflections inside the box low ... high; default_F outside; None without a file
    origin          outer corner of the first pixel, m
    threads         threads whose first sample escapes the carry-over at phi = 0; 0: no carry-over
    omega_each ...  whether -oversample_omega, -oversample_polar, -oversample_thick is given
    independent     whether those multiply each step alone and not the running sum
    liquid          rows (sin(theta)/wavelength, F) in place of water's constant
    """

    real: Matrix
    star: Matrix
    cells: Vector
    shape: str
    fudge: float
    default_F: float
    table: dict[tuple[int, int, int], float] | None
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    interpolate: bool
    nearest_outside: bool
    spindle: Vector
    angles: list[float]
    threads: int
    blocks: list[Matrix]
    sources: list[Source]
    kahn: float
    nopolar: bool
    polar_axis: Vector
    dmin: float
    scale: float
    beam: Vector
    origin: Vector
    fast: Vector
    slow: Vector
    normal: Vector
    pixel: float
    close: float
    distance: float
    fpixels: int
    spixels: int
    roi: tuple[int, int, int, int]
    mask: "np.ndarray | None"
    oversample: int
    layers: int
    layer_step: float
    absorption: float
    thick: bool
    curved: bool
    point_pixel: bool
    omega_each: bool
    polar_each: bool
    thick_each: bool
    independent: bool
    water: float
    water_once: bool
    liquid: list[tuple[float, float]] = field(default_factory=list)


def lattice_factor(e: Experiment, h: Vector) -> float:
    """F_latt at fractional indices h.

    SQUARE  product of sin(pi N x)/sin(pi x) over axes with N > 1
    ROUND   N 0.723601254558268 3 (sin u/u - cos u)/u^2, u = pi sqrt(fudge sum (N_j d_j)^2)
    GAUSS   N exp(-fudge rho/0.63), rho = N^2 |d_h a* + d_k b* + d_l c*|^2, N = Na Nb Nc
    TOPHAT  N where fudge rho < 0.3969, else 0
    """
    d = tuple(x - math.ceil(x - 0.5) for x in h)
    everything = e.cells[0] * e.cells[1] * e.cells[2]
    if e.shape == "SQUARE":
        product = 1.0
        for cells, x in zip(e.cells, d, strict=True):
            if cells > 1:
                # sin(pi N x)/sin(pi x) has the period 1 but for a sign, which the square takes away.
                product *= cells if x == 0 else math.sin(math.pi * cells * x) / math.sin(math.pi * x)
        return product
    if e.shape == "ROUND":
        square = sum((cells * x) ** 2 for cells, x in zip(e.cells, d, strict=True))
        u = math.pi * math.sqrt(e.fudge * square)
        ball = 1 - u**2 / 10 + u**4 / 280 - u**6 / 15120
        # Below, the difference of two nearly equal numbers would lose digits that its series has.
        if u > 0.1:
            ball = 3 * (math.sin(u) / u - math.cos(u)) / u**2
        return everything * 0.723601254558268 * ball
    away = plus(times(d[0], e.star[0]), times(d[1], e.star[1]), times(d[2], e.star[2]))
    rho = everything**2 * dot(away, away)
    if e.shape == "GAUSS":
        return everything * math.exp(-e.fudge * rho / 0.63)
    return everything if e.fudge * rho < 0.3969 else 0.0


class Reflections:
    """Structure factors, with the state that one sample outside the table changes for all that follow."""

    def __init__(self, e: Experiment) -> None:
        self.e = e
        self.interpolating = e.interpolate and e.table is not None

    def at(self, h: Vector) -> float:
        e = self.e
        if e.table is None:
            return e.default_F
        if self.interpolating:
            inside = all(low + 2 <= x <= high - 2 for low, x, high in zip(e.low, h, e.high, strict=True))
            if inside:
                return self.between(h)
            if not e.nearest_outside:
                self.interpolating = False
        whole = (math.ceil(h[0] - 0.5), math.ceil(h[1] - 0.5), math.ceil(h[2] - 0.5))
        return self.entry(whole)

    def entry(self, whole: tuple[int, int, int]) -> float:
        assert self.e.table is not None
        return self.e.table.get(whole, self.e.default_F)

    def between(self, h: Vector) -> float:
        """The cubic through four entries, floor - 1 ... floor + 2, along each axis (Lagrange)."""
        nodes = [[math.floor(x) + step for step in (-1, 0, 1, 2)] for x in h]
        total = 0.0
        for i in nodes[0]:
            for j in nodes[1]:
                for k in nodes[2]:
                    weight = lagrange(i, nodes[0], h[0]) * lagrange(j, nodes[1], h[1])
                    total += weight * lagrange(k, nodes[2], h[2]) * self.entry((i, j, k))
        return total


def lagrange(node: int, nodes: list[int], x: float) -> float:
    """The polynomial that is 1 at this node and 0 at the others."""
    value = 1.0
    for other in nodes:
        if other != node:
            value *= (x - other) / (node - other)
    return value


def polarization(e: Experiment, ray: Vector, incident: Vector) -> float:
    """P = (1 + cos^2 2t - K cos 2psi sin^2 2t)/2; psi = -atan2(d.B, d.E).

    B = unit(pol x i), E = unit(i x B).
    """
    cosine = dot(incident, ray)
    psi = 0.0
    if e.kahn != 0:
        magnetic = unit(cross(e.polar_axis, incident))
        electric = unit(cross(incident, magnetic))
        psi = -math.atan2(dot(ray, magnetic), dot(ray, electric))
    return 0.5 * (1 + cosine**2 - e.kahn * math.cos(2 * psi) * (1 - cosine**2))


def position(e: Experiment, along_fast: float, along_slow: float, depth: float) -> Vector:
    """A point of the detector in the lab, m."""
    flat = plus(times(along_fast, e.fast), times(along_slow, e.slow), times(depth, e.normal), e.origin)
    if not e.curved:
        return flat
    # All pixels at the distance: the beam's end, turned about slow by y/distance, about fast by z/distance.
    point = turned(times(e.distance, e.beam), e.slow, flat[1] / e.distance)
    return turned(point, e.fast, flat[2] / e.distance)


def captured(e: Experiment, layer: int, ray: Vector) -> float:
    """exp(-t dz mu/c) - exp(-(t + 1) dz mu/c), c = d.o: what layer t stops."""
    path = e.layer_step * e.absorption / dot(ray, e.normal)
    return math.exp(-layer * path) - math.exp(-(layer + 1) * path)


def molecules(e: Experiment) -> float:
    """Water molecules in a cube of the given edge in m: 1e6 g a cubic metre."""
    return e.water**3 * 1e6 * AVOGADRO / WATER_WEIGHT


def liquid_square(e: Experiment, stol: float) -> float:
    """F^2 x molecules of water, or of a liquid whose F over sin(theta)/wavelength is given by points."""
    amplitude = WATER_F
    if e.liquid:
        amplitude = float(np.interp(stol, [row[0] for row in e.liquid], [row[1] for row in e.liquid]))
    return amplitude**2 * molecules(e)


def matrix_times(m: Matrix, u: Vector) -> Vector:
    return (dot(m[0], u), dot(m[1], u), dot(m[2], u))


class Orientations:
    """Real vectors at each spindle step and mosaic block; with the carry-over their state between samples."""

    def __init__(self, e: Experiment) -> None:
        self.e = e
        turns = [[turned(vector, e.spindle, angle) for vector in e.real] for angle in e.angles]
        self.oriented = [[self._blocks(turn, block) for block in e.blocks] for turn in turns]
        self.still = [self._blocks(e.real, block) for block in e.blocks]
        self.left_behind: int | None = None

    @staticmethod
    def _blocks(vectors: "list[Vector] | Matrix", block: Matrix) -> list[Vector]:
        return [matrix_times(block, vector) for vector in vectors]

    def new_thread(self) -> None:
        """A thread begins with the vectors of phi = 0."""
        self.left_behind = None

    def pass_over(self) -> None:
        """A sample that dmin skips; here it counts as the thread's first (a listed difference)."""
        turning = [step for step, angle in enumerate(self.e.angles) if angle != 0]
        if turning:
            self.left_behind = turning[-1]

    def at(self, step: int, domain: int) -> list[Vector]:
        """With the carry-over an angle of exactly 0 leaves the vectors as the step before has turned them."""
        if self.e.threads and self.e.angles[step] == 0.0:
            if self.left_behind is None:
                return self.still[domain]
            return self.oriented[self.left_behind][domain]
        self.left_behind = step
        return self.oriented[step][domain]


def thread_starts(e: Experiment) -> set[int]:
    """The rows at which a thread begins: rows shared out evenly, the first threads take what is left."""
    threads = max(e.threads, 1)
    share, rest = divmod(e.spixels, threads)
    return {thread * share + min(thread, rest) for thread in range(threads)}


def image(e: Experiment) -> np.ndarray:
    """Photons of each pixel, [slow, fast].

    photons = r_e^2 fluence I/steps x captured x P x omega, with I the sum over layers, sub-pixels, sources,
    spindle steps and mosaic blocks of F_cell^2 F_latt^2; layers are no steps.
    """
    photons = np.zeros((e.spixels, e.fpixels))
    reflections, orientations = Reflections(e), Orientations(e)
    starts = thread_starts(e)
    for slow in range(e.spixels):
        if slow in starts:
            orientations.new_thread()
        for fast in range(e.fpixels):
            inside = e.roi[0] <= fast <= e.roi[1] and e.roi[2] <= slow <= e.roi[3]
            if inside and (e.mask is None or e.mask[slow, fast]):
                photons[slow, fast] = pixel_photons(e, slow, fast, reflections, orientations)
    return photons


def pixel_photons(
    e: Experiment, slow: int, fast: int, reflections: Reflections, orientations: Orientations
) -> float:
    """Photons of one pixel, by the first-value rule.

    Omega is that of the first sub-pixel, P that of the first sample that dmin does not skip, the capture that
    of the first sub-pixel in the last layer, unless -oversample_omega, _polar, _thick asks for each sample's
    own.
    """
    n = e.oversample
    steps = len(e.sources) * len(e.angles) * len(e.blocks) * n * n
    # Counted twice, water is in the sum from the start, with the scale by which the end multiplies again.
    total = 0.0 if e.water_once else WATER_F**2 * molecules(e) * e.scale
    omega = polar = capture = None
    for layer in range(e.layers):
        for sub_s in range(n):
            for sub_f in range(n):
                at_f = (e.pixel / n) * (n * fast + sub_f) + e.pixel / (2 * n)
                at_s = (e.pixel / n) * (n * slow + sub_s) + e.pixel / (2 * n)
                place = position(e, at_f, at_s, layer * e.layer_step)
                away = size(place)
                ray = times(1 / away, place)
                own_omega = 1 / away**2 if e.point_pixel else e.pixel**2 / away**2 * e.close / away
                own_capture = captured(e, layer, ray) if e.thick else 1.0
                if not e.thick and e.thick_each and not e.independent:
                    own_capture = 0.0
                if omega is None:
                    omega = own_omega
                if layer == e.layers - 1 and sub_s == 0 and sub_f == 0:
                    capture = own_capture
                for source in e.sources:
                    q = times(1 / source.wavelength, minus(ray, source.direction))
                    if e.dmin > 0 and size(q) > 0 and e.dmin > 1 / size(q):
                        orientations.pass_over()
                        continue
                    own_polar = 1.0 if e.nopolar else polarization(e, ray, source.direction)
                    if polar is None:
                        polar = own_polar
                    own = own_omega if e.omega_each else 1.0
                    own *= own_polar if e.polar_each else 1.0
                    own *= own_capture if e.thick_each else 1.0
                    liquid = liquid_square(e, size(q) / 2) if e.water > 0 and e.water_once else 0.0
                    for phi in range(len(e.angles)):
                        for domain in range(len(e.blocks)):
                            a, b, c = orientations.at(phi, domain)
                            h = (dot(a, q), dot(b, q), dot(c, q))
                            factor = lattice_factor(e, h)
                            if factor == 0 and e.water == 0:
                                continue
                            step = (reflections.at(h) * factor) ** 2 + liquid
                            if e.independent:
                                total += source.weight * step * own
                            else:
                                total = (total + source.weight * step) * own
    result = e.scale * total / steps
    result *= 1.0 if e.omega_each or omega is None else omega
    result *= 1.0 if e.polar_each or polar is None else polar
    result *= 1.0 if e.thick_each or capture is None else capture
    return result
