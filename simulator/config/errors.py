"""The error that a user of the simulator sees: one line that names the value and its unit."""


class SimulatorError(ValueError):
    """A request that cannot be simulated.

    `str(error)` is one line: what is wrong, the value with its unit, what is allowed.
    """

    exit_code = 2
