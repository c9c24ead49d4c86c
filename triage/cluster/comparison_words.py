"""Say in words what a failed comparison of numbers was like, from the fields of its signature.

The fields are those of `triage.signature.numbers.Numeric`, and the dtypes that the message names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_KINDS = {
    "close": "values are not close",
    "equal": "values are not equal",
    "pair": "two values differ",
    "exceeds": "an error exceeds its tolerance",
    "finite": "a value is not finite",
    "nan-location": "only one side has nan or infinity in some place",
    "shape": "shapes differ",
    "gradcheck": "the numerical and the analytical gradient differ",
}
"""By the kind of the comparison; `compare` and `attribute` say more, in words of their own."""
_VALUES = {"zero": "zero", "nan": "nan", "inf": "infinity", "number": "a number"}
_SHARES = {
    "one": "in one element",
    "few": "in fewer than 10 % of the elements",
    "many": "in 10 % of the elements or more",
    "all": "in all elements",
}


COMPARISON_FIELDS = frozenset(
    {"kind", "op", "left", "right", "fraction", "shapes", "gradients", "dtypes", "decade", "attribute"}
)
"""Fields of a signature that `comparison_in_words` says in words."""


def comparison_in_words(fields: Mapping[str, str]) -> str:
    """Such as `zero > a number does not hold`; empty where the signature has no numbers.

    Classes of values and orders of magnitude, as the signature has them: the values themselves differ from
    test to test.
    """
    return "; ".join(_parts(fields))


def _parts(fields: Mapping[str, str]) -> Iterator[str]:
    kind = fields.get("kind", "")
    if kind:
        share = _SHARES.get(fields.get("fraction", ""), "")
        yield f"{_what_failed(kind, fields)} {share}".rstrip()
    sides = [_VALUES.get(fields.get(side, ""), "") for side in ("left", "right")]
    if any(sides) and not fields.get("op"):
        yield "found: " + " and ".join(filter(None, sides))
    details = ("gradients", "dtypes") if kind == "attribute" else ("shapes", "gradients", "dtypes")
    for name in details:
        if fields.get(name):
            yield f"{name}: {fields[name]}"
    if fields.get("decade"):
        yield _size(int(fields["decade"]), is_error=kind != "compare")


def _what_failed(kind: str, fields: Mapping[str, str]) -> str:
    """The comparison that did not hold."""
    if kind == "attribute":
        relation = fields.get("shapes", "")  # of dtypes, devices or lengths as well
        return f"the {fields.get('attribute', 'attribute')} differs{relation and f': {relation}'}"
    if fields.get("op"):
        left = _VALUES.get(fields.get("left", ""), "left")
        right = _VALUES.get(fields.get("right", ""), "right")
        return f"{left} {fields['op']} {right} does not hold"
    return _KINDS.get(kind, kind)


def _size(decade: int, *, is_error: bool) -> str:
    """How far off it was, by the rounded log10 of error/tolerance, or of left/right of an inequality."""
    what, than = ("the error", "the tolerance") if is_error else ("the left side", "the right one")
    if decade == 0:
        return f"{what} is of the size of {than}"
    return f"{what} is about 1e{decade} times {than}"
