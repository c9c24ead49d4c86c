"""The interference function of a few cells as a polynomial: sin(n x)/sin(x) without a sine."""

POLYNOMIAL_LIMIT = 14
"""Largest N for the polynomial in sin^2(pi d); beyond it the alternating coefficients lose digits."""


def interference_coefficients(n: int) -> list[float]:
    """Coefficients, lowest first, of p with sin(n x)/sin(x) = p(sin^2 x), times cos(x) for even n.

    From U_{k+1}(c) = 2 c U_k(c) - U_{k-1}(c) taken two steps at a time with c^2 = 1 - t.
    """
    before, now = ([0.0], [1.0]) if n % 2 else ([0.0], [2.0])
    if n % 2:
        before = [-1.0]
    for _ in range((n - 1) // 2):
        product = [0.0] * (len(now) + 1)
        for power, value in enumerate(now):
            product[power] += 2 * value
            product[power + 1] -= 4 * value
        for power, value in enumerate(before):
            product[power] -= value
        before, now = now, product
    return now
