"""Numbers in failure messages, parsed: what was compared, how far off it was, what would have been allowed.

Covers torch.testing.assert_close, numpy.testing, pytest.approx, gradcheck, comparisons as pytest explains
them, and sentences such as "128.5 vs 128.0" or "error 1e-3 > tolerance 1e-5".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

NUMBER = r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"


def _operand(name: str) -> str:
    wrapped = r"(?:tensor\(|np\.float(?:32|64)\(|np\.int(?:32|64)\(|array\()?"
    return rf"{wrapped}(?P<{name}>{NUMBER})(?:,[^()]{{0,60}})?\)?"


COMPARISON = re.compile(
    rf"^assert (?:not )?\(?{_operand('left')} (?P<op><=|>=|==|!=|<|>) {_operand('right')}"
    rf"(?: ± (?P<approx>{NUMBER}))?\)?$"
)
KINDS = (
    (
        "close",
        re.compile(
            r"are not close!|Not equal to tolerance|not almost equal|comparison failed|are not allclose"
        ),
    ),
    (
        "equal",
        re.compile(
            r"Tensor-likes are not equal|Scalars are not equal|Arrays are not equal"
            r"|Arrays are not array_equal"
        ),
    ),
    (
        "gradcheck",
        re.compile(r"Jacobian mismatch|Backward is not reentrant|Numerical gradient for function expected"),
    ),
    ("nan-location", re.compile(r"nan location mismatch|inf location mismatch")),
)
ATTRIBUTE = re.compile(
    r"The values for attribute '(\w+)' do not match: (\S+(?: \S+)??) != (\S.*?)\.?(?:$|\n)"
)
SHAPES = re.compile(
    r"\(shapes (\([\d, ]*\)), (\([\d, ]*\)) mismatch\)"
    r"|size of tensor a \((\d+)\).{0,40}tensor b \((\d+)\)"
)
FRACTION = re.compile(r"Mismatched elements: (\d+) / (\d+)")
ABSOLUTE = re.compile(
    rf"(?:Greatest absolute difference|Max absolute difference(?: among violations)?"
    rf"|Absolute difference): ({NUMBER})"
    rf"(?:.{{0,60}}?\(up to ({NUMBER}) allowed\))?"
)
RELATIVE = re.compile(
    rf"(?:Greatest relative difference|Max relative difference(?: among violations)?"
    rf"|Relative difference): ({NUMBER})"
    rf"(?:.{{0,60}}?\(up to ({NUMBER}) allowed\))?"
)
TOLERANCES = re.compile(rf"rtol=({NUMBER}),? atol=({NUMBER})")
PAIR = re.compile(
    rf"(?:[Ee]xpected:?|[Ww]anted:?|[Oo]btained:?|[Gg]ot:?"
    rf"|[Aa]ctual:?)\s+(?:tensor\()?({NUMBER})\)?,?\s+"
    rf"(?:but\s+)?(?:got|obtained|expected|actual|instead of|was|vs\.?):?\s+(?:tensor\()?({NUMBER})"
    rf"|(?<![\w.])({NUMBER})\s+(?:vs\.?|versus|!=|instead of)\s+({NUMBER})(?![\w.])"
)
ABS_OF = re.compile(rf"where ({NUMBER}) = abs\(\(?[^\n]{{1,200}}? - ")
EXCEEDS = re.compile(
    rf"({NUMBER})\s*(?:>=?|exceeds|above|over|larger than|greater than)\s*(?:the\s+)?(?:max\w*\s+)?"
    rf"(?:tol\w*|threshold|limit|allowed|atol|rtol)?\s*(?:of\s+|=\s*)?({NUMBER})"
)
JACOBIAN = re.compile(r"(numerical|analytical):\s*tensor\(([^)]{0,4000})\)")
DTYPES = re.compile(
    r"\b(?:torch\.|np\.|numpy\.)?(b?float(?:16|32|64)|complex(?:32|64|128)|u?int(?:8|16|32|64)"
    r"|half|double)\b"
)


_LOOKED_AT = 20_000
_SIGNS = (
    "assert ", "differ", "close", "equal", "match", " vs", "xpected", "anted", "btained", "got", "Got",
    "ctual", "!=", ">", "exceeds", "above", "over", "er than", "instead", "versus", "Jacobian",
    "reentrant", "mismatch", "tensor a (", "Numerical",
)  # fmt: skip
"""Parts of every pattern below: a text with none of them compares nothing."""
_PAIR_WORDS = (" vs", "xpected", "anted", "btained", "got", "Got", "ctual", "!=", "instead", "versus")
_LIBRARY_WORDS = (
    "close", "equal", "tolerance", "comparison failed", "Jacobian", "mismatch", "reentrant", "Numerical"
)  # fmt: skip


@dataclass(frozen=True)
class Numeric:
    """What a message says in numbers; None and empty where it does not."""

    kind: str = ""
    """close, equal, gradcheck, nan-location, attribute, compare, pair."""
    op: str = ""
    left: str = ""
    right: str = ""
    """Classes: zero, nan, inf, number."""
    decade: int | None = None
    """Rounded log10 of error/tolerance (of left/right for an inequality)."""
    difference: float | None = None
    """|a - b| of two single numbers that should have been equal or close."""
    fraction: str = ""
    """Of elements that differ: one, few (below 10 %), many, all."""
    attribute: str = ""
    shapes: str = ""
    gradients: str = ""
    """For gradcheck: which side is zero or not finite."""
    absolute: float | None = None
    """Largest absolute error that the message shows; no part of a signature, as are the next two."""
    relative: float | None = None
    tolerance: float | None = None
    factor: float | None = None
    """a / b of two single finite numbers other than zero that should have been equal or close."""

    def fields(self) -> dict[str, str]:
        """What belongs into a signature; the decade as text."""
        texts = {
            name: getattr(self, name) for name in ("kind", "op", "left", "right", "fraction", "attribute")
        }
        texts |= {"shapes": self.shapes, "gradients": self.gradients}
        if self.decade is not None:
            texts["decade"] = str(self.decade)
        return {name: text for name, text in texts.items() if text}


@lru_cache(maxsize=16384)
def parse_numeric(message: str) -> Numeric:
    """The numbers of a message; an empty `Numeric` where it compares nothing."""
    text = message[:_LOOKED_AT]
    if not any(sign in text for sign in _SIGNS):
        return Numeric()
    if "do not match" in text and (found := ATTRIBUTE.search(text)):
        return Numeric(kind="attribute", attribute=found[1], shapes=relation_of(found[2], found[3]))
    shapes = _shapes(text) if "shapes (" in text or "tensor a (" in text else ""
    kind = next((name for name, pattern in KINDS if pattern.search(text)), "") if _by_library(text) else ""
    if kind == "gradcheck":
        return Numeric(kind=kind, gradients=_gradients(text))
    compared = _comparison(text) if "assert " in text else None
    if kind or ("difference" in text and ABSOLUTE.search(text)):
        return _closeness(kind or "close", text, shapes, compared)
    if compared is not None:
        return compared
    return Numeric(kind="shape", shapes=shapes) if shapes else _sentence(text)


def _by_library(text: str) -> bool:
    return any(word in text for word in _LIBRARY_WORDS)


def dtypes_of(text: str) -> tuple[str, ...]:
    """Names of dtypes in the text, in order, each once."""
    return tuple(dict.fromkeys(DTYPES.findall(text)))


def number(text: str | None) -> float | None:
    """A float of its text; thousands separators are allowed."""
    if text is None:
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def decade(error: float | None, allowed: float | None) -> int | None:
    """Rounded log10 of error/allowed; None where it has none. Bounded to -30 .. 30."""
    if (
        error is None
        or allowed is None
        or not (0 < abs(error) < math.inf)
        or not (0 < abs(allowed) < math.inf)
    ):
        return None
    ratio = math.log10(abs(error)) - math.log10(abs(allowed))
    return max(-30, min(30, round(ratio)))


def _comparison(text: str) -> Numeric | None:
    for line in text.splitlines()[:40]:
        found = COMPARISON.match(line.strip()) if "assert " in line else None
        if found is None:
            continue
        left, right, allowed = number(found["left"]), number(found["right"]), number(found["approx"])
        op = found["op"]
        if left is None or right is None:
            return None
        both_finite = math.isfinite(left) and math.isfinite(right)
        difference = abs(left - right) if op == "==" and both_finite else None
        factor = left / right if difference and left and right else None
        if allowed is not None:
            ratio = decade(difference, allowed)
            return Numeric("close", "≈", class_of(left), class_of(right), ratio, difference, factor=factor)
        if op in ("<", "<="):
            difference = _difference_behind(text, left)
        ratio = decade(left, right) if op not in ("==", "!=") else None
        return Numeric("compare", op, class_of(left), class_of(right), ratio, difference, factor=factor)
    return None


def _difference_behind(text: str, error: float) -> float | None:
    """The error of `assert error < tolerance`, where explanation or message show that it is a difference."""
    for found in ABS_OF.finditer(text) if "abs(" in text else ():
        if number(found[1]) == error:
            return error
    pair = _pair(text)
    if pair is not None and math.isclose(abs(pair[0] - pair[1]), error, rel_tol=1e-6):
        return error
    return None


def _closeness(kind: str, text: str, shapes: str, compared: Numeric | None) -> Numeric:
    absolute, relative, tolerances = ABSOLUTE.search(text), RELATIVE.search(text), TOLERANCES.search(text)
    error, allowed = number(absolute[1]) if absolute else None, number(absolute[2]) if absolute else None
    if allowed is None and tolerances:
        allowed = number(tolerances[2])
    ratio = decade(error, allowed)
    if ratio is None and relative:
        ratio = decade(
            number(relative[1]), number(relative[2]) or (number(tolerances[1]) if tolerances else None)
        )
    if ratio is None and compared is not None:
        ratio = compared.decade
    nan = "nan" if error is not None and math.isnan(error) else "inf" if error == math.inf else ""
    single = (
        error if error is not None and math.isfinite(error) else compared.difference if compared else None
    )
    return Numeric(
        kind=kind, left=nan, decade=ratio, difference=single, fraction=fraction_of(text), shapes=shapes,
        factor=compared.factor if compared else None,
    )  # fmt: skip


def _sentence(text: str) -> Numeric:
    first = text.strip().partition("\n")[0][:500]
    pair = _pair(first)
    if pair is not None and all(map(math.isfinite, pair)):
        return Numeric("pair", "", class_of(pair[0]), class_of(pair[1]), None, abs(pair[0] - pair[1]))
    if found := EXCEEDS.search(first):
        return Numeric("exceeds", decade=decade(number(found[1]), number(found[2])))
    return Numeric()


def _pair(text: str) -> tuple[float, float] | None:
    text = text[:2000]
    found = PAIR.search(text) if any(word in text for word in _PAIR_WORDS) else None
    if found is None:
        return None
    one, other = number(found[1] or found[3]), number(found[2] or found[4])
    return (one, other) if one is not None and other is not None else None


def class_of(value: float) -> str:
    """zero, nan, inf or number."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf"
    return "zero" if value == 0 else "number"


def fraction_of(text: str) -> str:
    """one, few (below 10 %), many or all of the elements; empty where the text does not say."""
    found = FRACTION.search(text)
    if found is None or not int(found[2]):
        return ""
    part, whole = int(found[1]), int(found[2])
    if part == whole:
        return "all"
    return "one" if part == 1 else "few" if part * 10 < whole else "many"


def _shapes(text: str) -> str:
    found = SHAPES.search(text)
    if found is None:
        return ""
    one, other = (group for group in found.groups() if group)
    return relation_of(one, other)


def relation_of(one: str, other: str) -> str:
    """How two shapes differ, without their sizes; what is no shape (a dtype, a device) stays as it is."""
    sizes = [[int(size) for size in re.findall(r"\d+", text)] for text in (one, other)]
    if not all(re.fullmatch(r"(?:torch\.Size)?[\[(\d,\s\])]+", text) for text in (one, other)):
        return f"{one} != {other}"[:120]
    if len(sizes[0]) != len(sizes[1]):
        return f"rank {len(sizes[0])} != rank {len(sizes[1])}"
    differing = [axis for axis, pair in enumerate(zip(*sizes, strict=True)) if pair[0] != pair[1]]
    return f"rank {len(sizes[0])}, axes {differing} differ"


def _gradients(text: str) -> str:
    """Which of the two Jacobians is zero or not finite; both non-zero is said too."""
    said = []
    for side, body in JACOBIAN.findall(text):
        numbers = re.findall(NUMBER, body.split("dtype")[0])
        values = [value for value in map(number, numbers) if value is not None]
        if any(not math.isfinite(value) for value in values):
            said.append(f"{side} not finite")
        elif values and not any(values):
            said.append(f"{side} zero")
    return ", ".join(said)
