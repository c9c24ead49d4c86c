"""Redact secrets from text: values of secret-looking variables, tokens, PEM blocks, URL credentials.

What the environment calls secret is replaced by value wherever it turns up, in the forms in which programs
print it (quoted for a URL, as base64, escaped for JSON). What merely looks like a secret is replaced by
pattern: to redact one more kind, add its row to `SECRETS`. Source of the rules for names and patterns:
measured on logs of real services; they prefer a false alarm in a log to a leaked key in an artifact.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
PATTERNS = "TRIAGE_REDACT"
"""The variable that takes a project's own patterns, quoted as for a shell, to every process of a run."""
SHORTEST = 6
"""A shorter value would be found in innocent text all the time."""
_SHORTEST_INSIDE = 8
"""Of a part of base64; the value itself has then six bytes or more."""
_SHORTEST_LINE = 12
"""Of one line of a value of several: a line of a key is much longer."""

_SECRET_NAME = re.compile(
    r"""
      pass(w(or)?d|phrase)?$ | passw | secret | token | api_?key | access_?key | private_?key | signing_?key
    | encryption_?key | credential | auth(?!or) | cookie | session_?id | _pat$ | _dsn$ | _pwd$ | ^pwd_
    | conn(ection)?_?string
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Names of variables whose values are secrets; the tests have examples."""
_HARMLESS = frozenset({"default", "disabled", "enabled", "required", "optional", "unknown"})
"""Values of secret-looking variables that say how, not what."""

KEY_BEGIN = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
KEY_END = r"-----END [A-Z0-9 ]*KEY(?: BLOCK)?-----"
_URL_SCHEME = r"(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://"
_LONG_USER = 20
"""A user name of a URL that is as long as this is a token."""
_QUERY_NAME = (
    r"(?:[\w.-]{0,40}(?:token|api_?key|password|passwd|secret|signature|credential)|pwd|sig|auth|access_key)"
)
_OPTION_NAME = r"(?i:[\w-]{0,40}(?:token|api-?key|password|passwd|passphrase|secret|credentials?))"
_VARIABLE_WORDS = "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL"
_VARIABLE_HINTS = ("PASSW", "PASSP", "SECRET", "TOKEN", "KEY", "CREDENTIAL")
_VARIABLE_NAME = rf"(?=[A-Z0-9_]*?(?:{_VARIABLE_WORDS}))[A-Z0-9_]++"
"""Looks ahead once and takes a word whole: a line of `TOKENTOKEN...` must cost no more than another."""
_A30 = "a1B2c3" * 5


class Secret(NamedTuple):
    """What one kind of secret looks like."""

    hints: tuple[str, ...]
    """Every match contains one of these, which `in` finds many times faster than a pattern."""
    expression: str
    """A regular expression; what its group `keep` takes is left in the text before the mark."""
    found: tuple[str, ...]
    """Texts in which it must find a secret."""
    innocent: tuple[str, ...] = ()
    """Texts in which it must find none."""


SECRETS = (
    # PEM block of a private key; one that is cut off goes to the end of the text
    Secret(("-----BEGIN",), rf"{KEY_BEGIN}(?s:.*?)(?:{KEY_END}|\Z)",
           ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",),
           ("-----BEGIN CERTIFICATE-----",)),
    # credentials in a URL: a password, or a token as user name
    Secret(("://",), rf"(?P<keep>{_URL_SCHEME})(?:[^\s/@:'\"]*:[^\s/'\"]+|[^\s/@:'\"]{{{_LONG_USER},}})(?=@)",
           ("postgres://joe:pw123@host/db", f"https://{_A30}@host"), ("https://joe@host/path",)),
    # GitHub
    Secret(("ghp_",), r"ghp_[A-Za-z0-9]{30,}", ("ghp_" + _A30,), ("ghp_short",)),
    Secret(("gho_",), r"gho_[A-Za-z0-9]{30,}", ("gho_" + _A30,)),
    Secret(("ghu_",), r"ghu_[A-Za-z0-9]{30,}", ("ghu_" + _A30,)),
    Secret(("ghs_",), r"ghs_[A-Za-z0-9]{30,}", ("ghs_" + _A30,)),
    Secret(("ghr_",), r"ghr_[A-Za-z0-9]{30,}", ("ghr_" + _A30,)),
    Secret(("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}", ("github_pat_" + _A30,)),
    # GitLab
    Secret(("glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glft-", "glsoat-"),
           r"gl(?:pat|ptt|dt|rt|cbt|ft|soat)-[\w-]{16,}", ("glpat-" + _A30, "glrt-" + _A30)),
    # AWS
    Secret(("AKIA",), r"AKIA[A-Z0-9]{16}", ("AKIA" + "Q" * 16,), ("NAKIAN",)),
    Secret(("ASIA",), r"ASIA[A-Z0-9]{16}", ("ASIA" + "Q" * 16,), ("ASIAN",)),
    # Slack, Google, Stripe, OpenAI
    Secret(("xox",), r"xox[abeoprs]-[\w-]{10,}", ("xoxb-" + _A30,)),
    Secret(("AIza",), r"AIza[\w-]{30,}", ("AIza" + _A30,)),
    Secret(("_live_",), r"\b[rs]k_live_[A-Za-z0-9]{16,}", ("sk_live_" + _A30,), ("task_live_x",)),
    Secret(("sk-",), r"\bsk-[A-Za-z0-9_-]{20,}", ("sk-" + _A30,), ("task-" + _A30,)),
    # package registries and model hubs
    Secret(("npm_",), r"npm_[A-Za-z0-9]{30,}", ("npm_" + _A30,)),
    Secret(("pypi-",), r"pypi-[\w-]{40,}", ("pypi-" + _A30 + _A30,)),
    Secret(("hf_",), r"\bhf_[A-Za-z0-9]{30,}", ("hf_" + _A30,), ("shf_x",)),
    # JSON Web Token
    Secret(("eyJ",), r"(?<![\w-])(?=[\w-]*?eyJ[\w-]{8})[\w-]++\.[\w-]{8,}+\.[\w-]{4,}",
           ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqb2UifQ.c2lnbmF0dXJl",)),
    # headers
    Secret(("earer",), r"(?P<keep>\b[Bb]earer\s+)[A-Za-z0-9._~+/=-]{12,}",
           ("Authorization: Bearer abcdefghijklmnop",), ("the bearer of news",)),
    Secret(("uthorization",),
           r"(?P<keep>[Aa]uthorization['\"]?\s*[:=]\s*['\"]?(?:[Bb]asic|[Tt]oken)\s+)[A-Za-z0-9._~+/=-]{8,}",
           ("Authorization: Basic am9lOnB3MTIz",), ("Authorization: basic",)),
    # query of a URL, option of a command line
    Secret(("?", "&"), rf"(?P<keep>[?&](?i:{_QUERY_NAME})=)[^\s&;#'\"<>]{{4,}}",
           ("https://host/x?api_key=abcd1234", "https://host/x?a=1&sig=abcd"), ("https://host/x?page=1234",)),
    Secret(("--",), rf"(?P<keep>--{_OPTION_NAME}(?:=|\s+(?=\S*\d))['\"]?)[^\s'\"]{{4,}}",
           ("tool --api-key=abcd1234", "tool --password pw1234"), ("tool --password prompt",)),
    # variables
    Secret(_VARIABLE_HINTS, rf"(?P<keep>\b{_VARIABLE_NAME}\s?=\s?)[^\s'\"]{{4,}}",
           ("SECRET_KEY=abcdef123",), ("MONKEY=abcdef123", "SECRET_KEY=")),
    Secret(_VARIABLE_HINTS, rf"(?P<keep>\b{_VARIABLE_NAME}['\"]?\s?[:=]\s?['\"])[^'\"\r\n]{{4,}}",
           ("{'DB_PASSWORD': 'letmein!'}",), ("{'DB_USER': 'letmein!'}",)),
)  # fmt: skip
_HINTS = tuple(dict.fromkeys(hint for secret in SECRETS for hint in secret.hints))


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is taken for a secret."""
    return _SECRET_NAME.search(name) is not None


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
    forms |= {line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
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
        forms = {form for value in values for form in _forms(value)}
        self.values = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        own = tuple(patterns)
        self._always = bool(own)
        alternatives = [re.escape(value) for value in self.values]
        alternatives += [f"(?:{expression})" for expression in own]
        for number, secret in enumerate(SECRETS):  # one expression has each group name once
            alternatives.append(secret.expression.replace("(?P<keep>", f"(?P<keep{number}>"))
        self._regex = re.compile("|".join(alternatives))

    @classmethod
    def of(cls, *environs: Mapping[str, str], patterns: Iterable[str] = ()) -> Redactor:
        """A redactor for the secrets of these environments, and for the patterns that they name."""
        named = [p for environ in environs for p in shlex.split(environ.get(PATTERNS, ""))]
        return cls([v for environ in environs for v in secret_values(environ)], (*patterns, *named))

    def suspects(self, text: str) -> bool:
        """Whether there may be something to replace; quick, and False only where there is nothing."""
        if self._always or any(value in text for value in self.values):
            return True
        return any(hint in text for hint in _HINTS)

    def __call__(self, text: str) -> str:
        """The text without its secrets."""
        if not text or not self.suspects(text):
            return text
        return self._regex.sub(_kept, text)


def _kept(match: re.Match[str]) -> str:
    """The mark, behind what introduced the secret."""
    introduction = next((text for text in match.groupdict().values() if text is not None), "")
    return introduction + MARK
