"""Factors of the sum over a pixel: solid angle, polarisation, the fraction captured by a layer.

Each sample has one entry, [...]; vectors and numbers of the experiment are [3] and [].
"""

import torch
from torch import Tensor

Point = tuple[Tensor, Tensor, Tensor]
"""Lab x, y, z as three tensors of one shape."""


def dot(point: Point, axis: Tensor) -> Tensor:
    """x . axis for component tensors and a [3] vector."""
    return point[0] * axis[0] + point[1] * axis[1] + point[2] * axis[2]


def direction(point: Point) -> tuple[Point, Tensor]:
    """Return the unit vector towards a point, and its distance in m."""
    x, y, z = point
    # x^2 + y^2 + z^2, each product added in one pass over the samples
    length = torch.sqrt(torch.addcmul(torch.addcmul(x * x, y, y), z, z))
    return (x / length, y / length, z / length), length


def solid_angle(length: Tensor, pixel: Tensor, close: Tensor, point_pixel: bool) -> Tensor:
    """p^2/R^2 close/R, steradian; 1/R^2 for a point pixel (per m^2).

    length R, pixel p and close (the plane's closest distance) in m; close/R is the cosine of the obliquity.
    """
    if point_pixel:
        return 1 / (length * length)
    return pixel * pixel * close / (length * length * length)


def polarization(ray: Point, beam: Tensor, axis: Tensor, kahn: Tensor) -> Tensor:
    """P = (1 + cos^2 2t - K cos 2psi sin^2 2t) / 2. Kahn et al., J. Appl. Cryst. 15 (1982) 330.

    With E along the electric field and B = E's partner, both normal to the beam, d.E = sin 2t cos psi and
    d.B = -sin 2t sin psi, so cos 2psi sin^2 2t = (d.E)^2 - (d.B)^2: no angle is needed, and nothing is
    singular along the beam.
    """
    across = torch.linalg.cross(axis, beam)
    magnetic = across / torch.linalg.vector_norm(across)
    electric = torch.linalg.cross(beam, magnetic)
    cosine = dot(ray, beam)
    along = dot(ray, electric)
    aside = dot(ray, magnetic)
    return 0.5 * (1 + cosine * cosine - kahn * (along * along - aside * aside))


def captured(layer: int, step: Tensor, absorption: Tensor, obliquity: Tensor) -> Tensor:
    """exp(-t dz mu / c) - exp(-(t + 1) dz mu / c): what layer t of a sensor stops, c = d . normal.

    step dz in m, absorption mu in 1/m; the fraction has no unit. By the law of Beer and Lambert: what
    reaches the layer's front, less what reaches its back, along a ray that leans by the obliquity.
    """
    depth = step * absorption / obliquity
    return torch.exp(-layer * depth) - torch.exp(-(layer + 1) * depth)
