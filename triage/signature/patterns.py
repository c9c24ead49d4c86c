"""How test libraries write numbers into failure messages, as regular expressions."""

from __future__ import annotations

import re

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
