"""Structure factors as a dense table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Table:
    """A dense block of structure factors, electrons.

    values   [nh, nk, nl] over lowest ... lowest + shape - 1
    lowest   the smallest h, k, l
    default  [] the structure factor of every other reflection
    """

    values: "Tensor"
    lowest: tuple[int, int, int]
    default: "Tensor"

    @property
    def highest(self) -> tuple[int, int, int]:
        """The last index of each axis."""
        h, k, last = self.lowest
        nh, nk, nl = self.values.shape
        return h + nh - 1, k + nk - 1, last + nl - 1
