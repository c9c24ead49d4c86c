"""Lines that a child process writes: light, no third-party imports."""
