"""Instruments that measure and change nothing."""
