"""The oracle's crystal: cell, orientation, size and reflections, of the settings of a command."""

import math
from pathlib import Path

import numpy as np

from tests.simulator.oracle import Matrix, Vector, cross, dot, size, times, turned_xyz
from tests.simulator.oracle_chance import cap_rotation
from tests.simulator.oracle_settings import Settings, refuse_unless

Index = tuple[int, int, int]


def volume(edges: list[float], angles: list[float]) -> float:
    """V = 2abc sqrt|sin s sin(s-alpha) sin(s-beta) sin(s-gamma)|, s = half the sum."""
    half = sum(angles) / 2
    product = math.sin(half)
    for angle in angles:
        product *= math.sin(half - angle)
    return 2 * edges[0] * edges[1] * edges[2] * math.sqrt(abs(product))


def standard_star(s: Settings, edges: list[float], angles: list[float]) -> list[Vector]:
    """a* along x, b* in the xy plane. The z of c* takes V/(abc) of the real angles: a defect that is kept."""
    a, b, c = edges
    alpha, beta, gamma = angles
    v = volume(edges, angles)
    star_a, star_b, star_c = (
        b * c * math.sin(alpha) / v,
        c * a * math.sin(beta) / v,
        a * b * math.sin(gamma) / v,
    )
    cos_a = (math.cos(beta) * math.cos(gamma) - math.cos(alpha)) / (math.sin(beta) * math.sin(gamma))
    cos_b = (math.cos(gamma) * math.cos(alpha) - math.cos(beta)) / (math.sin(gamma) * math.sin(alpha))
    cos_c = (math.cos(alpha) * math.cos(beta) - math.cos(gamma)) / (math.sin(alpha) * math.sin(beta))
    sin_c = min(c / (v * star_a * star_b), 1.0)
    third = 1 / c if "-exact_cell" in s.given else star_c * v / (a * b * c * sin_c)
    return [
        (star_a, 0.0, 0.0),
        (star_b * cos_c, star_b * sin_c, 0.0),
        (star_c * cos_b, star_c * (cos_a - cos_b * cos_c) / sin_c, third),
    ]


def crystal(s: Settings, clock: int) -> tuple[Matrix, Matrix, Vector]:
    """Real vectors, reciprocal vectors and numbers of cells, before the spindle turns."""
    edges, angles = [100.0] * 3, [math.pi / 2] * 3
    if s.cell is not None:
        edges, angles = s.cell[:3], [math.radians(angle) for angle in s.cell[3:]]
        refuse_unless(all(edge > 0 for edge in edges), "cell edge")
        half = sum(angles) / 2
        spans = all(0 < angle < math.pi and angle < half for angle in angles) and half < math.pi
        refuse_unless(spans, "the cell encloses no volume")
    if s.matrix is not None:
        # Rows x, y, z and columns a*, b*, c*, times the wavelength.
        star = [tuple(s.matrix[3 * row + column] / s.wavelength for row in range(3)) for column in range(3)]
    else:
        star = standard_star(s, edges, angles)  # type: ignore[assignment]
    misset = tuple(math.radians(angle) for angle in s.misset)
    if s.misset_random:
        seed = clock if s.misset_seed is None else s.misset_seed
        misset = euler_angles(cap_rotation(np.float32(90.0), seed))
    star = [turned_xyz(vector, *misset) for vector in star]  # type: ignore[arg-type]
    products = [cross(star[1], star[2]), cross(star[2], star[0]), cross(star[0], star[1])]
    if s.cell is not None:
        v = volume(edges, angles)
        # The lengths are the given ones, whatever the matrix says.
        real = [times(edge / size(p), p) for edge, p in zip(edges, products, strict=True)]
    else:
        v = 1 / dot(star[0], products[0])
        real = [times(v, p) for p in products]
    again = [cross(real[1], real[2]), cross(real[2], real[0]), cross(real[0], real[1])]
    star = [times(1 / v, p) for p in again]
    cells = count_cells(s, real)
    return tuple(real), tuple(star), cells  # type: ignore[return-value]


def edge_lengths(s: Settings, real: Matrix) -> list[float]:
    """Lengths of the real vectors, those of -cell where it is given."""
    return s.cell[:3] if s.cell is not None else [size(vector) for vector in real]


def count_cells(s: Settings, real: "list[Vector]") -> Vector:
    """ceil(size/edge) where a size is given, y and z cut to the beam; values up to 1 act as 1."""
    sizes = [s.sizes[0], min(s.sizes[1], s.beamsize), min(s.sizes[2], s.beamsize)]
    counts: list[int] = list(s.cells)
    for axis, length in enumerate(edge_lengths(s, real)):  # type: ignore[arg-type]
        if sizes[axis] > 0:
            counts[axis] = math.ceil(sizes[axis] / 1000 / (length * 1e-10))
    return (max(counts[0], 1), max(counts[1], 1), max(counts[2], 1))


def euler_angles(m: Matrix) -> Vector:
    """Angles about x, y, z whose rotations in this order make the matrix."""
    return (
        math.atan2(m[2][1], m[2][2]),
        math.atan2(-m[2][0], math.hypot(m[2][1], m[2][2])),
        math.atan2(m[1][0], m[0][0]),
    )


def reflections(s: Settings) -> tuple[Index, Index, dict[Index, float] | None]:
    """The box of all indices, and the reflections inside it; the file ends at its first bad word.

    Without a file the cache in the folder is read, where there is one.
    """
    if s.hkl is None:
        return cached_reflections(s.cache) if s.cache.exists() else ((0, 0, 0), (0, 0, 0), None)
    table: dict[Index, float] = {}
    words = s.hkl.read_text().split()
    for at in range(0, len(words) - 3, 4):
        try:
            h, k, m = (int(float(word)) for word in words[at : at + 3])
            table[(h, k, m)] = float(words[at + 3])
        except ValueError:
            break
    refuse_unless(bool(table), "no reflection")
    lowest = tuple(min(index[axis] for index in table) for axis in range(3))
    highest = tuple(max(index[axis] for index in table) for axis in range(3))
    return lowest, highest, table  # type: ignore[return-value]


def cached_reflections(path: Path) -> tuple[Index, Index, dict[Index, float]]:
    """Fdump.bin: limits of h, k, l, a form feed, doubles of a box with one entry of padding an axis."""
    head, body = path.read_bytes().split(b"\f", 1)
    h0, h1, k0, k1, l0, l1 = (int(word) for word in head.split())
    values = np.frombuffer(body).reshape(h1 - h0 + 2, k1 - k0 + 2, l1 - l0 + 2)
    box = [(h, k, m) for h in range(h0, h1 + 1) for k in range(k0, k1 + 1) for m in range(l0, l1 + 1)]
    table = {(h, k, m): float(values[h - h0, k - k0, m - l0]) for h, k, m in box}
    return (h0, k0, l0), (h1, k1, l1), table


def cache_bytes(low: Index, high: Index, table: dict[Index, float], default: float) -> bytes:
    """What is written to Fdump.bin after a file of reflections was read."""
    values = np.full([last - first + 2 for first, last in zip(low, high, strict=True)], default)
    for (h, k, m), amplitude in table.items():
        values[h - low[0], k - low[1], m - low[2]] = amplitude
    limits = " ".join(f"{first} {last}" for first, last in zip(low, high, strict=True))
    return f"{limits}\n\f".encode() + values.tobytes()


def interpolates(s: Settings) -> bool:
    """When forced, else when a count of cells, as given, is at most 2; sizes in mm come later."""
    if "-interpolate" in s.given or "-nointerpolate" in s.given:
        return "-interpolate" in s.given
    return min(s.cells) <= 2
