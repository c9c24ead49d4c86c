"""The signals by which a person or a CI system ends a command."""

from __future__ import annotations

import signal

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a cancelled job, a closed terminal: each ends a command in an orderly way."""
