"""Instruments that change one factor of the process under test."""
