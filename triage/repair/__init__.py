"""Phases C and D: repairs compared by running them, and exit criteria."""
