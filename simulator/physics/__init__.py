"""Formulas of diffraction: lattice and structure factors, polarisation, absorption, random deviates."""
