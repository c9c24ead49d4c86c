"""From photons to a read-out: point spread, gain, noise, and the likelihoods that follow from them."""

from simulator.readout.likelihood import gaussian_loss, poisson_loss
from simulator.readout.response import Response

__all__ = ["Response", "gaussian_loss", "poisson_loss"]
