"""Causes for all red tests at once: one search over base, commits, hunks and factors, with one budget."""
