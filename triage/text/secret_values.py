"""Judge a value that stands beside a name which says secret: a secret, or code, prose, a placeholder?"""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import Enum, auto

from triage.text.mark import MARK_PATTERN
from triage.text.pattern import pattern
from triage.text.secret_names import Strength, is_code_name, strength_of, words_of


class Written(Enum):
    """In which form a value stands beside its name."""

    QUOTED = auto()
    """`password='value'`, `"password": "value"`, `<password>value</password>`."""
    SETTING = auto()
    """`password=value` or `password: value` of a settings file, an address or a shell."""
    CODE = auto()
    """Without quotes where code may stand: `password = value`, `f(password=value)`."""


MIN_QUOTED = 3
"""A shorter quoted value is an example of a test: `password='x'`."""
MIN_BARE = 4
MIN_RANDOM = 6
"""Fewer characters than this are not called random."""
_MIN_DIGITS = 5
"""Of a number without quotes: `password=123456`. A smaller one counts something."""
_LONG_WORD = 9
"""Letters before one digit, where a password is due: `Secretword1`, not `file1`."""
_MIN_CODE = 4
_MOST_CODE = 10
"""Digits of a PIN or a one-time code."""
_LONG = 16
"""From this length on even letters alone may be told from a word."""
_MIN_ENTROPY = 3.0
"""Bits a character; 16 random letters have about 3.6, a repeated pattern far less."""

_FEW_VOWELS = 0.28
"""Share of vowels; English words have about 0.38, random letters 0.23."""
_PLAIN_WORDS = frozenset({
    "none", "null", "nil", "true", "false", "yes", "no", "on", "off", "undefined", "nan", "unset", "empty",
    "missing", "invalid", "valid", "expired", "wrong", "incorrect", "bad", "required", "optional",
    "default", "disabled", "enabled", "unknown", "hidden", "masked", "redacted", "removed", "filtered",
    "omitted", "changed", "unchanged", "secret", "password", "passwd", "pwd", "passphrase", "token", "key",
    "apikey", "credentials", "auth", "authorization", "cookie", "session", "value", "str", "bytes", "int",
    "float", "bool", "string", "text", "char", "varchar", "any", "object", "list", "dict", "tuple", "set",
    "self", "cls", "type", "basic", "bearer", "digest", "negotiate", "ntlm", "oauth", "oauth2", "jwt",
    "apitoken", "plain", "login", "anonymous", "must", "should", "cannot", "can", "is", "was", "are",
    "were", "has", "have", "not", "and", "or", "the", "this", "that", "for", "from", "with", "your", "you",
    "please", "enter", "example", "changeme", "placeholder", "todo", "fixme", "dummy", "sample", "return",
    "yield", "await", "lambda", "else", "raise", "assert", "import", "pass", "in", "if", "as", "async",
    "def", "class", "del", "global", "while", "refresh", "access", "id", "name", "username", "user",
    "email", "forgot", "reset", "confirm", "new", "old", "current",
})  # fmt: skip
"""Words that are no secret, whatever stands before them: values that say how, types, words of sentences."""
_PROSE_WORDS = frozenset({
    "a", "an", "the", "this", "that", "these", "your", "you", "please", "enter", "is", "are", "was", "were",
    "be", "been", "has", "have", "had", "must", "should", "can", "cannot", "may", "might", "not", "no",
    "for", "from", "with", "without", "of", "to", "in", "on", "at", "by", "or", "and", "if", "when", "it",
    "its", "invalid", "incorrect", "wrong", "required", "missing", "field", "too", "least", "characters",
    "given", "expected", "got", "but", "only",
})  # fmt: skip
_STRUCTURE = re.compile(
    r"""
    [*x.\-_ \#?]+ | < [^<>]* > | \[ [^\[\]]* \] | \{ .* \} | \$ [{(] .* | \$ [A-Za-z_]\w*
    | % \(? \w .* | \{\{ .*
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
"""Placeholders: `***`, `xxxx`, `<password>`, `{password}`, `${PASSWORD}`, `$PASSWORD`, `%(password)s`."""
_EXPRESSION = pattern(
    r"""
    [A-Za-z_]\w* (?: \.[A-Za-z_]\w* )* [(\[]            # a call or an index:  get_password(, tokens[
    | [A-Za-z_]\w* (?: \.[A-Za-z_]\w* )+ [,)\]}:;]* $   # an attribute:  self.password
    | (?: not | await | lambda | yield | f? ["'] )
    | [(\[{@] | -?\d+(?:\.\d+)?[,)\]}:;]* $ | [=!<>+*|&]
    """,
    matches=["get_password()", "tokens[0]", "self.password", "config.secret,", "(a,", "12", "==", "=x"],
    rejects=["hunter2", "a1b2c3", "p@ss", "0x1f9a"],
    how="match",
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_]*\d{0,2}")
_CAMEL = re.compile(r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,6})(?:[A-Z][a-z]+|[A-Z]{2,4})*")
_NUMBERED_WORD = re.compile(rf"(?:{_CAMEL.pattern}|[a-z]+|[A-Z]+)\d{{1,2}}")
_PATH = re.compile(
    r"""
    (?: \.{0,2}/ | ~/ | [A-Za-z]:\\ ) [\w.\-]+ (?: [/\\][\w.\-]+ )+ /?
    | [\w\-]+ (?: /[\w\-]+ )* \. (?: py | txt | json | ya?ml | toml | ini | pem | key | md | html? )
    """,
    re.VERBOSE,
)
_DATE_OR_VERSION = re.compile(r"v?\d+(?:[.:\-T]\d+){1,8}(?:[.\-+Z]?\w{0,6})?")
_TECHNICAL = pattern(
    r"""
      (?: [A-Za-z][\w-]{0,12}/ )? \d+ (?: \.\d+ )+                   # HTTP/1.1  3.11.7
    | \# [0-9A-Fa-f]{3,8} | https?://\S*                              # a colour, an address
    | p(?:256|384|521) | x(?:509|25519|448|64|86(?:_64)?)
    | (?: sha | md | hs | rs | es | ps | aes | rsa | ed | utf | iso | rfc | pep | base | https? | oauth | tls
        | ssl | ecdsa | pbkdf | hmac | scrypt | argon | secp | curve | cp | latin | python | py | ascii | ipv
        | dsa | des | chacha | sm | hkdf | crc | adler | blake | ripemd | bcrypt )
      [-_]? \d{1,5} [a-z]{0,8} \d{0,4} (?: [-_:/][a-z0-9]{1,9} ){0,3}
    """,
    matches=[
        "HTTP/1.1",
        "sha256",
        "HS256",
        "pbkdf2_sha256",
        "utf-8",
        "RFC6749",
        "#d8dee9",
        "x509",
        "chacha20poly1305",
    ],
    rejects=["x2wDsz4pbejp7a", "P5La15o0SvRe7a"],
    flags=re.IGNORECASE,
    how="fullmatch",
)
"""`HTTP/1.1`, `#d8dee9`, `sha256`, `RFC6749`, addresses: digits and letters that mean something."""
_ADDRESS = re.compile(r"<[\w.]+ .*|0x[0-9a-fA-F]{6,16}>?")
"""`<object at 0x7f...>`: where an object is, not what it holds."""
_SEGMENT = re.compile(r"[A-Za-z0-9+/=]+")


def is_secret_value(value: str, strength: Strength, written: Written, name: str = "") -> bool:
    """Whether a value beside a name of this strength is a secret."""
    value = MARK_PATTERN.sub("", value).strip()
    if strength is Strength.NONE or is_plain(value, name):
        return False
    if value.isdigit() and is_code_name(name):
        return _MIN_CODE <= len(value) <= _MOST_CODE
    if strength is Strength.WEAK:
        return looks_random(value) and not (written is not Written.QUOTED and _is_code(value))
    if written is Written.QUOTED:
        return len(value) >= MIN_QUOTED
    if value.isdigit():
        return len(value) >= _MIN_DIGITS
    if len(value) < MIN_BARE or _is_code(value):
        return False
    if _IDENTIFIER.fullmatch(value) and not looks_random(value):
        return written is Written.SETTING and not _names_itself(value)
    return True


def is_plain_word(value: str) -> bool:
    """Whether a value is a word that is no secret wherever it stands: `password`, `changeme`, `token`."""
    return value.lower() in _PLAIN_WORDS


def is_plain(value: str, name: str = "") -> bool:
    """Whether a value is a word, a placeholder, a path or a sentence rather than a secret."""
    if not value or is_plain_word(value.strip(".,:;!?()'\"")):
        return True
    if any(regex.fullmatch(value) for regex in (_STRUCTURE, _PATH, _ADDRESS, _TECHNICAL)):
        return True
    if name and _repeats(value, name):
        return True
    return is_prose(value)


def _repeats(value: str, name: str) -> bool:
    """Whether a value says no more than its name: `AUTH_HEADER = 'auth-header'`."""
    if any(char.isdigit() for char in value) or not re.fullmatch(r"[\w.-]+", value):
        return False
    return f"_{'_'.join(words_of(name))}_".find(f"_{'_'.join(words_of(value))}_") >= 0


def is_password_like(value: str) -> bool:
    """Whether a value where a password may stand is one: no word, number, placeholder, path or address."""
    if len(value) < MIN_BARE or is_plain(value) or value.isdigit() or "://" in value:
        return False
    if _NUMBERED_WORD.fullmatch(value):
        letters = value.rstrip("0123456789")
        return value[-2:].isdigit() or has_random_case(letters) or len(letters) >= _LONG_WORD
    has_digit = any(char.isdigit() for char in value)
    return has_random_case(value) or (has_digit and any(char.isalpha() for char in value))


def is_prose(value: str) -> bool:
    """Whether a value is a sentence: several words, one of which secrets are not made of."""
    words = value.split()
    if len(words) < 2:
        return False
    plain = [word.lower().strip(".,:;!?()'\"`*") for word in words]
    if any(word in _PROSE_WORDS for word in plain):
        return True
    return all(word.isalpha() for word in plain) and value[:1].isupper()


def looks_random(value: str) -> bool:
    """Whether a value is made of characters that no word, number, date or path has in this order."""
    if len(value) < MIN_RANDOM or any(char.isspace() for char in value):
        return False
    if value.isdigit() or any(regex.fullmatch(value) for regex in (_DATE_OR_VERSION, _PATH, _TECHNICAL)):
        return False
    return any(_is_random_segment(segment) for segment in _SEGMENT.findall(value))


def entropy(text: str) -> float:
    """Return Shannon's entropy of a text, in bits a character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def _is_random_segment(segment: str) -> bool:
    digits = sum(char.isdigit() for char in segment)
    letters = sum(char.isalpha() for char in segment)
    if digits and letters:
        is_numbered_word = _NUMBERED_WORD.fullmatch(segment) is not None
        return len(segment) >= MIN_RANDOM and not is_numbered_word and entropy(segment) >= 1.5
    if digits or len(segment) < _LONG or (_CAMEL.fullmatch(segment) and not segment.islower()):
        return False
    return entropy(segment) >= _MIN_ENTROPY and (not segment.islower() or _is_unpronounceable(segment))


def has_random_case(value: str) -> bool:
    """Whether capitals stand in a word where none begins: `HOGkjaZRjeqW`, not `SomeClass`."""
    if (
        not value.isalpha()
        or len(value) < MIN_RANDOM
        or value.islower()
        or value.isupper()
        or value.istitle()
    ):
        return False
    return not _CAMEL.fullmatch(value) or _is_unpronounceable(value.lower())


def _is_unpronounceable(letters: str) -> bool:
    """Whether lower-case letters are in no order that words have: few vowels, or many consonants in a row."""
    vowels = sum(char in "aeiouy" for char in letters)
    return (
        vowels < 0.28 * len(letters)
        or re.search(r"[^aeiouy]{5}|[aeiou]{4}|q[^u]|[jqxz].?[jqxz]", letters) is not None
    )


def _is_code(value: str) -> bool:
    if not _EXPRESSION.match(value):
        return False
    # `abc.def(`: an attribute whose name looks random is a token with dots in it
    return not (looks_random(value) and "(" not in value and "[" not in value and len(value) >= 20)


def _names_itself(value: str) -> bool:
    """Whether a word names a secret as variables do: `db_password`, `TOKEN`."""
    return strength_of(value) is not Strength.NONE or "_" in value
