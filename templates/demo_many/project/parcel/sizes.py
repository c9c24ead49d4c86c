"""Sizes and weights of parcels."""

_LITRES_A_KILOGRAM = 5.0


def litres(length, width, height):
    """Volume of a box given in centimetres."""
    return length * width * height / 1000.0


def volumetric_weight(length, width, height):
    """The weight that a light and bulky box is billed with."""
    return litres(length, width, height) / _LITRES_A_KILOGRAM


def billed_weight(kilograms, box):
    """The larger of both weights."""
    return max(kilograms, volumetric_weight(*box))


def is_bulky(kilograms, box):
    """Whether the volume decides."""
    return volumetric_weight(*box) > kilograms
