"""Secrets in settings files, command lines, wire formats and reprs go; what looks like these forms stays."""

from __future__ import annotations

import json
import random

import pytest

from benchmarks.redaction_places import FIRST, SECOND, Value
from triage.text.redact import Redactor
from triage.text.redact_stream import StreamRedactor

PLACES = {**FIRST, **SECOND}
_WINDOW = 8
INNOCENT = [
    "openssl version -a",
    "zip -r archive1.zip src",
    "unzip archive.zip -d out",
    "curl -sSf https://example.org/a1b2c3",
    "curl -u $USER:$PASSWORD https://x.example",
    "git config user.name joe1",
    "http GET x.example/api/v2",
    "docker login registry.example:5000",
    "redis-cli -h 127.0.0.1 -p 6379 INFO",
    "vault login -method=oidc role=dev",
    "echo 'abc123' | cat -n",
    "sudo -S was used",
    "python:3.12-slim@sha256:0123abcd",
    "mailto:joe99@example.com",
    "npm:left-pad1@1.2.3/x",
    "tests/test_a.py:12:34:E501:line1",
    "fe80:1234:ab:cd:ef12",
    "Basic authentication is required",
    "HTTP Basic realm=x",
    "AUTH required",
    "PASS tests/test_login2.py",
    "LOGIN page2 loaded",
    "exit code 1234",
    "error code: 5012",
    "status code is 404",
    "pin=12",
    "spin=1234",
    "pinned: 20240101",
    "otp: 26.2",
    "password: !Ref DbPassword1x",
    "password: !env DB_PASSWORD",
    "password: &default",
    "| password | required |",
    "| password | string | the password of the user |",
    "key: Ed25519PrivateKey | Ed448PrivateKey",
    "def f(secret: str | bytes) -> int1:",
    "password -> str",
    "token -> Token2",
    "user,password,email",
    "name,password\njoe,required",
    "password for the user: required",
    "Password for joe: must be given",
    '"d": "2024-01-01 00:00:00"',
    '{"k": "a_long_name_of_a_key_without_digits"}',
    "hmac key is too short",
    "signed with key of the server",
    "Serializer('users')",
    "login('joe', 'home')",
    "jwt.decode(token, key, algorithms=['HS256'])",
    "ConvertTo-SecureString $password",
    '<meta name="token" content="word">',
    '<input type="text" name="q" value="Search1">',
    "client.connect('localhost', 'database')",
    "PWD={password};",
    "password ......... optional",
    "netuser joe",
    "https://x.example/?key=value&page=2",
    "http://user:password@example.com:8080/",
    "['ftp://bob:secret@[2001:db8::1]:21/a']",
    "postgres://app:changeme@db/app",
    "root:passwd@tcp(db:3306)/app",
    "curl -u joe:password https://x.example",
    "openssl rsa -passin pass:secret",
    "CREATE USER joe IDENTIFIED BY 'password'",
    "tests/test_a.py::test_with_a_session PASSED127.0.0.1 - GET /x",
    "tests/test_a.py::TestAuth::test_token PASS1ED",
]  # fmt: skip
IN_ADDRESSES = [
    ("http://user:password1@example.com", "password1"),
    ("http://bob:monkey@example.com/", "monkey"),
    ("http://password:hunter@example.com/", "hunter"),
    ("https://sk0live0" + "a1b2c3d4e5f6" + ":password@api.example/", "a1b2c3d4e5f6"),
    ("curl -u joe:letmein https://x.example", "letmein"),
    ("tests/test_a.py E session s3ss10nV4lue", "s3ss10nV4lue"),
]
"""What is no more than one step away from an example that may stay."""


@pytest.mark.parametrize("shape", PLACES)
def test_a_secret_goes_in_each_place(shape: str) -> None:
    template, value_of = PLACES[shape]
    redact = Redactor()
    for secret, text in _examples(template, value_of):
        shown = redact(text)
        left = [n for n in range(max(1, len(secret) - _WINDOW + 1)) if secret[n : n + _WINDOW] in shown]
        assert not left, text


def _examples(template: str, value_of: Value) -> list[tuple[str, str]]:
    rng = random.Random(7)
    secret = value_of(rng)
    text = template.replace("§", secret)
    return [
        (secret, text),
        (secret, "E   ValueError: " + text.replace("\n", "\nE   ")),
        (secret, json.dumps({"x": text})),
        (secret, json.dumps({"x": text, "id": 576, "of": "a value that goes on behind it"})),
    ]


@pytest.mark.parametrize("shape", PLACES)
def test_a_stream_loses_it_too(shape: str) -> None:
    """What is let go before a secret holds the words that give it away, wherever its lines are cut."""
    template, value_of = PLACES[shape]
    secret, text = _examples(template, value_of)[0]
    stream = StreamRedactor(Redactor())
    block = f"ERROR service:test_a.py:26 request 7 failed: {text}\n".encode()
    shown = (stream.feed(block) + stream.close()).decode()
    assert not any(secret[n : n + _WINDOW] in shown for n in range(max(1, len(secret) - _WINDOW + 1))), text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_such_a_place_stays(text: str) -> None:
    assert Redactor()(text) == text


@pytest.mark.parametrize(("text", "secret"), IN_ADDRESSES)
def test_only_words_that_stand_for_passwords_stay(text: str, secret: str) -> None:
    assert secret not in Redactor()(text)
