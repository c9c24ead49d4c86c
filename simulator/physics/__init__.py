"""What happens to the photons: lattice and structure factors, polarisation, absorption, chance. Formula
above code."""
