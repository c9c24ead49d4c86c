"""Artifacts of other tools, read into results and failures."""
