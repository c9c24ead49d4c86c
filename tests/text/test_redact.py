"""Redaction: secrets go, other text stays, wherever the stream is cut."""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import base64
import json
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.process.log import LogWriter
from triage.text.pattern import EXAMPLES
from triage.text.redact import MARK, Redactor, is_secret_name, secret_values
from triage.text.redact_stream import StreamRedactor
from triage.text.secret_commands import COMMANDS
from triage.text.secret_records import RECORDS
from triage.text.secret_shapes import Shape
from triage.text.secret_tokens import TOKENS

SECRETS = (
    "hunter2hunter2",
    "a b&c=ü/+",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc/def+ghi\nxyz==\n-----END RSA PRIVATE KEY-----",
)


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "apikey",
        "MY_API_KEY",
        "AUTH_HEADER",
        "PGPASSWORD",
        "SENTRY_DSN",
        "MYSQL_PWD",
        "AZURE_CONNECTION_STRING",
        "Credentials",
        "NPM_PAT",
        "KEY_PASSPHRASE",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "KEYBOARD",
        "LANG",
        "GIT_SHA",
        "AUTHOR",
        "PWD",
        "OLDPWD",
        "PATTERN",
        "PYTHONHASHSEED",
        "MONKEY",
    ],
)
def test_harmless_names(name: str) -> None:
    assert not is_secret_name(name)


def test_short_and_trivial_values_are_no_secrets() -> None:
    assert secret_values({"TOKEN": "abc", "SECRET": "disabled", "PASSWORD": "long-enough"}) == (
        "long-enough",
    )


@given(st.text(), st.sampled_from(SECRETS), st.text())
def test_no_form_of_a_value_survives(before: str, secret: str, after: str) -> None:
    redact = Redactor([secret])
    raw = secret.encode()
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(raw).decode()):
        assert form not in redact(f"{before} {form} {after}")


@given(st.text())
def test_redaction_is_stable(text: str) -> None:
    redact = Redactor(SECRETS)
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://joe:pw123@host/db", f"postgres://{MARK}@host/db"),
        ("https://host/path?x=1", "https://host/path?x=1"),
        ("Authorization: Bearer abcdefghijklmnop", f"Authorization: Bearer {MARK}"),
        ("SECRET_KEY=abcdef123", f"SECRET_KEY={MARK}"),
        ("{'DB_PASSWORD': 'letmein!'}", f"{{'DB_PASSWORD': '{MARK}'}}"),
        ("token = parser.next_token()", "token = parser.next_token()"),
        ("the password was wrong", "the password was wrong"),
        ("task-abcdefghijklmnopqrstuvwxyz", "task-abcdefghijklmnopqrstuvwxyz"),
        ("ghp_" + "a" * 36, MARK),
    ],
)
def test_what_looks_like_a_secret(text: str, shown: str) -> None:
    assert Redactor()(text) == shown


@pytest.mark.parametrize("row", [*TOKENS, *COMMANDS, *RECORDS], ids=lambda row: row.kind)
def test_each_shape_is_found_by_its_hints(row: Shape) -> None:
    """A row of the tables is the one place that a new kind of secret needs."""
    redact = Redactor()
    (example,) = [example for example in EXAMPLES if example.pattern is row.regex]
    for text in example.matches:
        assert any(hint in text for hint in row.hints), text
        assert MARK in redact(f"before {text} behind"), text
    for text in example.rejects:
        assert redact(text) == text


@given(
    parts=st.lists(st.sampled_from([*SECRETS, "plain text\n", "no newline ", "\x00\xff", "ghp_" + "b" * 40 + " "]), max_size=12),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=200),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_a_stream_may_be_cut_anywhere(parts: list[str], cuts: list[int]) -> None:
    data = "".join(parts).encode("utf-8")
    stream, out, position = StreamRedactor(Redactor(SECRETS)), b"", 0
    for cut in [*cuts, len(data)]:
        out += stream.feed(data[position : position + cut])
        position += cut
    out += stream.feed(data[position:]) + stream.close()
    for secret in (*SECRETS[:2], "MIIabc/def+ghi", "b" * 40):
        assert secret.encode() not in out


def test_a_key_without_end_is_held_back_and_memory_stays_bounded() -> None:
    stream = StreamRedactor(Redactor())
    out = stream.feed(b"before\n-----BEGIN PRIVATE KEY-----\n")
    for _ in range(40):
        out += stream.feed(b"MIIsecretsecret\n" * 100)
    assert len(stream._held) < 1 << 15
    out += stream.feed(b"-----END PRIVATE KEY-----\nafter\n") + stream.close()
    assert b"secretsecret" not in out
    assert out.startswith(b"before\n")
    assert out.endswith(b"after\n")


@given(st.integers(0, 30_000), st.integers(2_000, 9_000))
@settings(max_examples=40, deadline=None)
def test_the_cut_of_a_log_does_not_reveal_half_a_secret(
    tmp_path_factory: pytest.TempPathFactory, offset: int, limit: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    secret = "S3CRET" + "x1y2z3" * 10
    log = LogWriter(path, Redactor([secret]), limit)
    data = b"." * offset + secret.encode() + b"," * 100_000 + secret.encode() + b"-" * offset
    for start in range(0, len(data), 777):
        log.feed(data[start : start + 777])
    cut = log.close()
    shown = path.read_bytes()
    assert b"S3CRET" not in shown
    assert b"x1y2z3" not in shown
    assert (cut > 0) == (b"bytes of output cut" in shown)
    assert len(shown) <= 2 * limit + 8_192


def test_log_without_cut_is_whole(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "log", Redactor(), 4_000)
    text = "".join(f"line {n}\n" for n in range(300))
    log.feed(text[:1000].encode())
    log.feed(text[1000:].encode())
    assert log.close() == 0
    assert (tmp_path / "log").read_text() == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgres://user:p@ss:w@rd@db.example/x", "p@ss:w@rd"),
        ("amqp+ssl://:only-a-password@mq.example", "only-a-password"),
        ("https://0123456789abcdef0123456789abcdef@git.example/x.git", "0123456789abcdef0123456789abcdef"),
        ("GET https://api.example/v1?user=7&access_token=abcdef12345&x=1", "abcdef12345"),
        ("https://bucket.example/o?X-Amz-Signature=deadbeefdeadbeef", "deadbeefdeadbeef"),
        (
            "prefix.eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3",
            "eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        ),
    ],
)
def test_credentials_of_urls(text: str, secret: str) -> None:
    cleaned = Redactor()(text)
    assert secret not in cleaned
    assert MARK in cleaned


@pytest.mark.parametrize(
    "text", ["pytest --token=abcdef", "pytest --db-password 'abc1def' x", "tool --API-KEY=abcdef"]
)
def test_options_that_carry_secrets(text: str) -> None:
    cleaned = Redactor()(text)
    assert MARK in cleaned
    assert not any(word in cleaned for word in ("abcdef", "abc1def"))


@pytest.mark.parametrize(
    "text",
    [
        "ssh://git@host.example/x.git",
        "https://host.example/?page=2&sort=token",
        "the option --token is required",
        "pytest --tokenize=abcdef",
    ],
)
def test_innocent_urls_and_options_stay(text: str) -> None:
    assert Redactor()(text) == text


@given(st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_other_base64_goes(before: bytes, after: bytes) -> None:
    secret = b"correct-horse-battery"
    shown = Redactor([secret.decode()])(base64.b64encode(before + secret + after).decode())
    assert MARK in shown
    for rest in shown.replace("=", "").split(MARK):
        for start in range(4):
            part = rest[start : start + (len(rest) - start) // 4 * 4]
            assert not any(secret[n : n + 4] in base64.b64decode(part) for n in range(len(secret) - 3))


def test_other_forms_of_a_secret_go() -> None:
    secret = "a<b>&'c d/é"
    shown = (
        escape(secret),
        secret.encode().hex(),
        quote_plus(secret),
        json.dumps(secret, ensure_ascii=False)[1:-1],
    )
    assert [form for form in shown if form in Redactor([secret])(f"x {form} y")] == []


@pytest.mark.parametrize(
    "word",
    [
        "TOKEN_",
        "PASSWORDKEY",
        "eyJ",
        "a.+-",
        "://",
        "sk-",
        "Bearer ",
        "-----BEGIN PRIVATE KEY",
        "password='",
        "?token",
        "A_",
    ],
)
def test_no_text_takes_long(word: str) -> None:
    """Doubling the text must not quadruple the steps: this one would take minutes."""
    many = word * (100_000 // len(word))
    assert Redactor(["hunter2hunter2"])(many + "://") is not None
