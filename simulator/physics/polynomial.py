"""The interference function of a few cells as a polynomial: sin(n x)/sin(x) without a sine."""

POLYNOMIAL_LIMIT = 14
"""Largest N for the polynomial in sin^2(pi d); beyond it the alternating coefficients lose digits."""


def interference_coefficients(n: int) -> list[float]:
    """Coefficients, lowest first, of p with sin(n x)/sin(x) = p(sin^2 x), times cos(x) for even n.

    With t = sin^2 x: sin((k + 2) x) = (2 - 4 t) sin(k x) - sin((k - 2) x), because 2 cos(2x) = 2 - 4 t.
    """
    if n % 2:
        # sin(-x)/sin(x) and sin(x)/sin(x)
        before, now = [-1.0], [1.0]
    else:
        # sin(0)/(sin(x) cos(x)) and sin(2x)/(sin(x) cos(x))
        before, now = [0.0], [2.0]
    for _ in range((n - 1) // 2):
        following = [0.0] * (len(now) + 1)
        for power, value in enumerate(now):
            following[power] += 2 * value
            following[power + 1] -= 4 * value
        for power, value in enumerate(before):
            following[power] -= value
        before, now = now, following
    return now
