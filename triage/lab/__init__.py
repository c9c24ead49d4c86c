"""Experiments: what one is, how it runs, and what it shows."""
