"""What multiplies the sum over a pixel: solid angle, polarisation, the fraction captured by a layer."""

import torch
from torch import Tensor

Point = tuple[Tensor, Tensor, Tensor]


def dot(point: Point, axis: Tensor) -> Tensor:
    """x . axis for component tensors and a [3] vector."""
    return point[0] * axis[0] + point[1] * axis[1] + point[2] * axis[2]


def direction(point: Point) -> tuple[Point, Tensor]:
    """The unit vector towards a point, and its distance in m."""
    length = torch.sqrt(point[0] * point[0] + point[1] * point[1] + point[2] * point[2])
    return (point[0] / length, point[1] / length, point[2] / length), length


def solid_angle(length: Tensor, pixel: Tensor, close: Tensor, point_pixel: bool) -> Tensor:
    """p^2/R^2 close/R, steradian; 1/R^2 for a point pixel (per m^2)."""
    if point_pixel:
        return 1 / (length * length)
    return pixel * pixel * close / (length * length * length)


def polarization(ray: Point, beam: Tensor, axis: Tensor, kahn: Tensor) -> Tensor:
    """P = (1 + cos^2 2t - K cos 2psi sin^2 2t) / 2.

    With E along the electric field and B = E's partner, both normal to the beam, d.E = sin 2t cos psi and
    d.B = -sin 2t sin psi, so cos 2psi sin^2 2t = (d.E)^2 - (d.B)^2: no angle is needed, and nothing is
    singular along
    the beam.
    """
    across = torch.linalg.cross(axis, beam)
    magnetic = across / torch.linalg.vector_norm(across)
    electric = torch.linalg.cross(beam, magnetic)
    cosine = dot(ray, beam)
    along, aside = dot(ray, electric), dot(ray, magnetic)
    return 0.5 * (1 + cosine * cosine - kahn * (along * along - aside * aside))


def captured(layer: int, step: Tensor, absorption: Tensor, obliquity: Tensor) -> Tensor:
    """exp(-t dz mu / c) - exp(-(t + 1) dz mu / c): what layer t of a sensor stops, c = d . normal."""
    depth = step * absorption / obliquity
    return torch.exp(-layer * depth) - torch.exp(-(layer + 1) * depth)
