"""Structure factors as a dense table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Table:
    """A dense block of structure factors, in electrons, over lowest ... lowest + shape - 1; `default`
    elsewhere."""

    values: "Tensor"
    lowest: tuple[int, int, int]
    default: "Tensor"

    @property
    def highest(self) -> tuple[int, int, int]:
        """The last index of each axis."""
        h, k, top = (low + n - 1 for low, n in zip(self.lowest, self.values.shape, strict=True))
        return h, k, top
