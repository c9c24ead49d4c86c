"""Secrets out of text: values of secret-looking variables, tokens, PEM blocks, URL credentials.

What the environment calls secret is replaced by value wherever it turns up, in the forms in which
programs print it (quoted for a URL, as base64, escaped for JSON). What merely looks like a secret
is replaced by pattern. Source of the name and pattern rules: measured on logs of real services;
they prefer a false alarm in a log to a leaked key in an artifact.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
PATTERNS = "TRIAGE_REDACT"
"""The variable that takes a project's own patterns, quoted as for a shell, to every process of a run."""
SHORTEST = 6
"""A shorter value would be found in innocent text all the time."""
_SHORTEST_INSIDE = 8
"""Of a part of base64; the value itself has then six bytes or more."""

_NAME = re.compile(
    r"(?i)(pass(w(or)?d|phrase)?$|passw|secret|token|api_?key|access_?key|private_?key|signing_?key|"
    r"encryption_?key|credential|auth(?!or)|cookie|session_?id|_pat$|_dsn$|_pwd$|^pwd_|conn(ection)?_?string)"
)
_HARMLESS = frozenset({"default", "disabled", "enabled", "required", "optional", "unknown"})
_WORDS = "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL"
_UPPER = rf"(?=[A-Z0-9_]*?(?:{_WORDS}))[A-Z0-9_]++"
"""Looks ahead once and takes a word whole: a line of `TOKENTOKEN...` must cost no more than another."""
_KEY_BEGIN = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_KEY_END = r"-----END [A-Z0-9 ]*KEY(?: BLOCK)?-----"
_AUTHORIZATION = r"[Aa]uthorization['\"]?\s*[:=]\s*['\"]?(?:[Bb]asic|[Tt]oken)\s+"

_SCHEME = r"(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://"
_LONG_USER = 20
"""A user name of a URL that is as long as this is a token."""
_QUERY = (
    r"(?:[\w.-]{0,40}(?:token|api_?key|password|passwd|secret|signature|credential)|pwd|sig|auth|access_key)"
)
_OPTION = r"(?i:[\w-]{0,40}(?:token|api-?key|password|passwd|passphrase|secret|credentials?))"
_JWT = r"(?<![\w-])(?=[\w-]*?eyJ[\w-]{8})[\w-]++\.[\w-]{8,}+\.[\w-]{4,}"
_PATTERNS: tuple[tuple[str, str], ...] = (
    # (text that must be present for the pattern to have a chance, pattern; group `keep` stays)
    ("-----BEGIN", rf"{_KEY_BEGIN}(?s:.*?)(?:{_KEY_END}|\Z)"),
    ("://", rf"(?P<keep>{_SCHEME})(?:[^\s/@:'\"]*:[^\s/'\"]+|[^\s/@:'\"]{{{_LONG_USER},}})(?=@)"),
    ("ghp_", r"ghp_[A-Za-z0-9]{30,}"),
    ("gho_", r"gho_[A-Za-z0-9]{30,}"),
    ("ghu_", r"ghu_[A-Za-z0-9]{30,}"),
    ("ghs_", r"ghs_[A-Za-z0-9]{30,}"),
    ("ghr_", r"ghr_[A-Za-z0-9]{30,}"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{22,}"),
    ("glpat-", r"gl(?:pat|ptt|dt|rt|cbt|ft|soat)-[\w-]{16,}"),
    ("KIA", r"AKIA[A-Z0-9]{16}"),
    ("SIA", r"ASIA[A-Z0-9]{16}"),
    ("xox", r"xox[abeoprs]-[\w-]{10,}"),
    ("AIza", r"AIza[\w-]{30,}"),
    ("_live_", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    ("sk-", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("npm_", r"npm_[A-Za-z0-9]{30,}"),
    ("pypi-", r"pypi-[\w-]{40,}"),
    ("hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    ("eyJ", _JWT),
    ("earer", r"(?P<keep2>\b[Bb]earer\s+)[A-Za-z0-9._~+/=-]{12,}"),
    ("uthorization", rf"(?P<keep3>{_AUTHORIZATION})[A-Za-z0-9._~+/=-]{{8,}}"),
    ("?", rf"(?P<keep6>[?&](?i:{_QUERY})=)[^\s&;#'\"<>]{{4,}}"),
    ("--", rf"(?P<keep7>--{_OPTION}(?:=|\s+(?=\S*\d))['\"]?)[^\s'\"]{{4,}}"),
    ("", rf"(?P<keep4>\b{_UPPER}\s?=\s?)[^\s'\"]{{4,}}"),
    ("", rf"(?P<keep5>\b{_UPPER}['\"]?\s?[:=]\s?['\"])[^'\"\r\n]{{4,}}"),
)  # fmt: skip
_ASSIGNED = ("PASSW", "PASSP", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "&")


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is taken for a secret."""
    return _NAME.search(name) is not None


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values of secret-looking variables that are long enough to be told from other text."""
    found = {value for name, value in environ.items() if is_secret_name(name)}
    return tuple(sorted(v for v in found if len(v.strip()) >= SHORTEST and v.lower() not in _HARMLESS))


def _forms(value: str) -> set[str]:
    """The value as programs print it."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {value, value.strip(), quote(raw, safe=""), quote_plus(raw), escape(value)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    forms |= {raw.hex(), raw.hex().upper(), *_inside_base64(raw)}
    forms |= {line.strip() for line in value.splitlines() if len(line.strip()) >= 12}
    return {form for form in forms if len(form) >= SHORTEST}


def _inside_base64(raw: bytes) -> set[str]:
    """What is the same in the base64 of every text that holds the value: `user:password` of a header."""
    found = set()
    for before in range(3):
        bits = 8 * (before + len(raw))
        first, last = -(-8 * before // 6), bits // 6
        for encoder in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encoder(bytes(before) + raw).decode()[first:last])
    return {form for form in found if len(form) >= _SHORTEST_INSIDE}


class Redactor:
    """Replaces secrets in text; immutable, and the same text gives the same result."""

    def __init__(self, values: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        """`values` are secrets themselves, `patterns` regular expressions that match secrets."""
        self.values = tuple(
            sorted({form for value in values for form in _forms(value)}, key=lambda v: (-len(v), v))
        )
        own = tuple(patterns)
        self._hints = (*(hint for hint, _ in _PATTERNS if hint), *_ASSIGNED)
        self._always = bool(own)
        self.source = "|".join(
            [re.escape(v) for v in self.values] + [f"(?:{p})" for p in own] + [p for _, p in _PATTERNS]
        )
        self._regex = re.compile(self.source)

    @classmethod
    def of(cls, *environs: Mapping[str, str], patterns: Iterable[str] = ()) -> Redactor:
        """A redactor for the secrets of these environments, and for the patterns that they name."""
        named = [p for environ in environs for p in shlex.split(environ.get(PATTERNS, ""))]
        return cls([v for environ in environs for v in secret_values(environ)], (*patterns, *named))

    def suspects(self, text: str) -> bool:
        """A quick look: False means that there is certainly nothing to replace."""
        return self._always or any(v in text for v in self.values) or any(h in text for h in self._hints)

    def __call__(self, text: str) -> str:
        """The text without its secrets."""
        if not text or not self.suspects(text):
            return text
        return self._regex.sub(_kept, text)


def _kept(match: re.Match[str]) -> str:
    """The mark, behind what introduced the secret."""
    return next((v for v in match.groupdict().values() if v is not None), "") + MARK
