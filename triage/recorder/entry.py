"""The pytest entry point: registers nothing unless asked to."""
