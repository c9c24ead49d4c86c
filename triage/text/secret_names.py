"""Tell whether a name says that the value beside it is a secret.

A name is taken apart into words (`dbPassword`, `db-password` and `DB_PASSWORD` are alike), because `max_tokens`
and `password_field` hold a telling word and no secret.
"""

# ruff: noqa: E501 - lists of words
from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from triage.text.vocabulary import Vocabulary
from triage.text.word_finder import any_of


class Strength(IntEnum):
    """How surely a name says that its value is a secret."""

    NONE = 0
    WEAK = 1
    """Programs use the word for other things too (`token`, `key`): the value has to look random as well."""
    STRONG = 2
    """Whatever is written beside it is taken for a secret, unless it is plainly code or prose."""


_NAME_HINTS = (
    "passw", "passp", "passc", "passk", "pwd", "secret",
    "token", "key", "auth", "cred", "cookie", "sess", "csrf", "xsrf", "jwt", "bearer", "mnemonic", "seed", "_pw", "-pw",
    "otp", "_pat", "-pat", "dsn", "onnection", "onn_str", "connstr", "kennwort", "senha",
    "contrase", "sid", "webhook", "dbpw", "pw=", "pw:", "sas_", "recovery", "one_time", "psk",
    *(f"pin{end}" for end in "'\"=: \\"),
)  # fmt: skip
NAME_HINT = re.compile(f"{any_of(_NAME_HINTS)}|pass(?![a-z])")
"""Every name that says secret holds one of these, in lower case."""
_WORD_HINT = re.compile(
    any_of([
        "pass ", "passw", "passp", "passc", "passk", *(f"pass{digit}" for digit in range(10)), "pwd", "secret", "token",
        "key", "auth", "cred", "cookie", "sess", "csrf", "xsrf", "jwt", "bearer", "mnemonic", "seed", "pw ",
        "otp", " pat ", "dsn", "onnection", "conn ", "connstr", "kennwort", "senha", "contrase", "sid", "webhook",
        "sas ", "recovery", "one ", "psk", "pin ",
    ]).encode()
)  # fmt: skip
"""The same in a list of words between blanks."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""Words of a name: `HTTPBasicAuth2` has HTTP, Basic, Auth and 2."""
_SECRET_STEMS = (
    "password", "passwd", "passphrase", "passwort", "passcode", "kennwort", "secret", "apikey", "accesskey",
    "privatekey", "signingkey", "encryptionkey", "accountkey", "masterkey", "authkey", "authtoken", "accesstoken",
    "refreshtoken", "bearertoken", "sessiontoken", "apitoken", "contrasena", "mnemonic", "connectionstring",
    "sessionid", "subscriptionkey",
)  # fmt: skip
"""Found anywhere in a name whose words are glued together: `pgpassword`, `myapikey`."""
_SECRET_WORDS = frozenset(
    {"pwd", "passw", "pw", "pword", "psw", "senha", "sessid", "jsessionid", "phpsessid", "psk"}
)
_SECRET_PAIRS = frozenset(
    f"{first} key"
    for first in (
        "api", "access", "private", "secret", "signing", "encryption", "decryption", "account", "auth", "master",
        "shared", "storage", "service", "deploy", "subscription", "session", "app", "application", "consumer",
        "client", "integration", "admin", "server", "root", "stream", "webhook",
    )
) | {
    "connection string", "conn string", "conn str", "session id", "seed phrase", "recovery phrase", "recovery code",
    "one time", "auth header", "auth code", "x auth", "auth salt", "password salt", "validation key",
}  # fmt: skip
_PASS_OWNERS = frozenset({
    "smtp", "db", "database", "ftp", "sftp", "mysql", "pg", "postgres", "redis", "mongo", "user", "login", "admin",
    "root", "imap", "ldap", "mail", "email", "sudo", "ssh", "vnc", "wifi", "proxy", "http", "basic", "auth", "rabbitmq",
    "amqp", "mq", "docker", "registry", "keystore", "truststore", "key", "cert", "account", "my", "svn", "git", "pop",
    "oracle", "sql", "master", "backup", "vault", "api", "client", "server",
})  # fmt: skip
"""Whose password is meant: with one of these before it, `pass` is not a verb and no round of a compiler."""
_TOKEN_OWNERS = frozenset({
    "access", "auth", "api", "refresh", "bearer", "bot", "session", "csrf", "xsrf", "security", "oauth", "app",
    "admin", "personal", "deploy", "sas", "client", "jwt", "github", "gh", "gitlab", "slack", "npm", "pypi", "hf",
    "vault", "discord", "telegram", "twilio", "aws", "azure", "gcp", "ci", "service", "private", "secret", "device",
    "registry", "hub", "cloudflare", "digitalocean", "heroku", "netlify", "vercel", "sentry", "codecov", "upload",
    "webhook", "push", "registration", "runner", "trigger", "job", "account", "login", "invite", "reset", "user",
})  # fmt: skip
"""Whose token is meant: with one of these before it, `token` is no word of a parser."""
_WEAK_WORDS = frozenset({
    "token", "auth", "authentication", "authorization", "credential", "cred", "cookie", "jwt", "bearer", "otp", "pat",
    "dsn", "csrf", "xsrf", "pass", "passkey", "sid", "sas", "session", "webhook", "pin",
    "sess", "csrftoken", "authtok",
})  # fmt: skip
_CODE_WORDS = frozenset({"pin", "otp", "totp", "passcode"})
"""Names of secrets that are numbers."""
_PLAIN_KEYS = frozenset({
    "cache", "sort", "primary", "foreign", "public", "partition", "group", "object", "row", "dict", "lookup", "index",
    "unique", "hash", "range", "translation", "config", "setting", "json", "yaml", "map", "routing", "storage", "sub",
    "natural", "composite", "candidate", "hot", "short", "any", "arrow", "enter", "return", "escape", "shift", "space",
    "function", "modifier", "search", "lock", "dedupe", "dedup", "idempotency", "registry", "entry", "item", "field",
    "column", "table", "attr", "attribute", "option", "param", "metadata", "header", "tag", "label", "s3", "blob",
    "current", "next", "prev", "last", "first", "min", "max", "missing", "bad", "wrong", "unknown", "expected",
    "message", "state", "node", "report", "stash", "order", "ordering", "comparison", "cmp", "mapping", "data", "test",
})  # fmt: skip
"""Kinds of keys that open nothing."""
_DESCRIBING = frozenset({
    "type", "types", "count", "name", "names", "url", "uri", "field", "fields", "length", "len", "size", "file",
    "path", "dir", "expiry", "expires", "expire", "expiration", "ttl", "policy", "class", "cls", "model", "form",
    "view", "required", "enabled", "disabled", "regex", "pattern", "format", "kind", "validator", "validators",
    "hasher", "hashers", "encoder", "decoder", "parser", "error", "errors", "exception", "status", "max", "min", "age",
    "domain", "idx", "pos", "position", "start", "end", "line", "provider", "factory", "manager", "backend", "handler",
    "method", "mode", "algorithm", "alg", "samesite", "secure", "httponly", "sock", "address", "endpoint", "scope",
    "scopes", "limit", "limits", "changed", "confirmation", "prompt", "hint", "label", "help", "message", "strength",
    "input", "stream", "list", "map", "set", "iter", "iterator", "generator", "func", "function", "middleware", "jar",
    "test", "tests", "version", "rotation", "server", "service", "host", "port", "agent", "plugin", "module", "util",
    "utils", "helper", "checker", "verifier", "reset", "usage", "permission", "permissions", "bytes", "index", "info",
    "column", "attr", "attribute", "param", "parameter", "arg", "argument", "option", "flag", "var", "variable",
    "source", "location", "ref", "reference", "prefix", "suffix", "kwargs", "args", "bus",
})  # fmt: skip
"""As the last word of a name: it describes a secret, or where one is, and holds none."""
_HARMLESS_NAMES = frozenset({"pwd", "oldpwd", "passwords", "secrets", "tokens", "auth", "session"})
"""As environment variables these are folders, or what belongs to no secret."""


def may_name_secret(vocabulary: Vocabulary) -> bool:
    """Whether a text with these words may hold a name that says secret."""
    return _WORD_HINT.search(vocabulary.joined.lower()) is not None


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, without numbers: `db_Password2` has db and password."""
    return [word.lower() for word in _WORD.findall(name) if not word.isdigit()]


@lru_cache(maxsize=4096)
def strength_of(name: str) -> Strength:
    """Return how surely a name says that its value is a secret."""
    words = words_of(name)
    if not words or words[-1] in _DESCRIBING:
        return Strength.NONE
    if _is_strong(name, words):
        return Strength.STRONG
    return Strength.WEAK if _is_weak(words) else Strength.NONE


def is_code_name(name: str) -> bool:
    """Whether digits alone beside this name are a secret: `pin`, `user_otp`, `passcode`."""
    words = words_of(name)
    return bool(words) and words[-1] in _CODE_WORDS


def is_secret_name(name: str) -> bool:
    """Whether an environment variable of this name is taken for a secret."""
    if name.lower() in ("pwd", "oldpwd"):
        return False
    return strength_of(name) is not Strength.NONE


def _is_strong(name: str, words: list[str]) -> bool:
    glued = "".join(words)
    if any(stem in glued for stem in _SECRET_STEMS):
        return True
    if any(word in _SECRET_WORDS for word in words):
        return True
    if any(f"{first} {second}" in _SECRET_PAIRS for first, second in pairwise(words)):
        return True
    last = words[-1]
    if last == "pass" and len(words) > 1 and words[-2] in _PASS_OWNERS:
        return True
    if last not in ("token", "tokens", "credential", "credentials", "pat", "pass", "dsn", "auth"):
        return False
    # in capitals it is the name of a setting, and not a local variable of a parser
    return len(words) > 1 and (name.isupper() or words[-2] in _TOKEN_OWNERS)


def _is_weak(words: list[str]) -> bool:
    last = words[-1]
    if last in _WEAK_WORDS or last.removesuffix("s") in _WEAK_WORDS:
        return True
    return last == "key" and len(words) > 1 and words[-2] not in _PLAIN_KEYS
