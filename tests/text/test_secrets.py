"""What is a secret by its form or by the name beside it, and what is not."""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.text.mark import MARK
from triage.text.private_keys import key_spans
from triage.text.redact import Redactor, secret_values
from triage.text.redact_data import redacted_data
from triage.text.redact_stream import StreamRedactor
from triage.text.secret_names import Strength, strength_of
from triage.text.secret_values import looks_random

PASSWORD = "h7Kq2" + "xW9z"
TOKEN = "abc123" + "def456ghi"
WORD = "let" + "mein"
KEY_LINES = ["MIIEvQIBADANBg" + "kqhkiG9w0BAQEFAASC" * 2] * 4
BEGIN, END = "-----BEGIN " + "RSA PRIVATE KEY-----", "-----END " + "RSA PRIVATE KEY-----"

SECRETS = [
    f"password={PASSWORD}",
    f"token={TOKEN}",
    f"login failed for password={PASSWORD}",
    f'{{"password": "{PASSWORD}"}}',
    f"{{'token': '{TOKEN}'}}",
    f"Client(password='{PASSWORD}')",
    f"client_secret: {PASSWORD}",
    f"secret: {PASSWORD}",
    f"aws_secret_access_key = {PASSWORD}",
    f"X-Api-Key: {TOKEN}",
    f"Cookie: sessionid={TOKEN}; csrftoken={TOKEN}",
    f"Set-Cookie: sid={TOKEN}; Path=/; HttpOnly",
    f"curl -u user:{PASSWORD} https://x",
    f"['--password', '{PASSWORD}']",
    f"--password {PASSWORD}",
    f"--token={TOKEN}",
    f"Authorization: Basic {TOKEN}",
    f"{{'Authorization': 'Bearer {TOKEN}'}}",
    f"(b'authorization', b'Bearer {TOKEN}')",
    f"postgres://joe:{PASSWORD}@host/db",
    f"https://x/?token={TOKEN}&a=1",
    f"<password>{PASSWORD}</password>",
    f'<add key="DbPassword" value="{PASSWORD}"/>',
    f'<user password="{PASSWORD}" name="joe"/>',
    f"CREATE USER joe IDENTIFIED BY '{PASSWORD}'",
    f"ALTER USER joe WITH PASSWORD '{PASSWORD}'",
    f"AccountName=x;AccountKey={TOKEN}{TOKEN}==;EndpointSuffix=core",
    f"Server=x;Pwd={PASSWORD};Database=y",
    f"machine h login joe password {PASSWORD}",
    f"- name: DB_PASSWORD\n  value: {PASSWORD}",
    f"  + where '{PASSWORD}' = Client(a=1).password",
    f'{{\\"password\\": \\"{PASSWORD}\\"}}',
    f"&quot;password&quot;: &quot;{PASSWORD}&quot;",
    f"%22password%22%3A%20%22{PASSWORD}%22",
    f"auth=('joe', '{PASSWORD}')",
    f"HTTPBasicAuth('joe', '{PASSWORD}')",
    f"password   = '{PASSWORD}'",
    f"password: str = '{PASSWORD}'",
    f"settings['password'] = '{PASSWORD}'",
    f"dbPassword={PASSWORD}",
    f"db-password: {PASSWORD}",
    f"user.set_password('{PASSWORD}')",
    f"export DB_PASS={PASSWORD}",
    f"sshpass -p {PASSWORD} ssh x",
    f"mysql -uroot -p{PASSWORD} db",
    f"invalid token {TOKEN}",
    f"sr=x&sig={TOKEN}{TOKEN}%3D&se=1",
    f"password='{WORD}'",
    f"DB_PASSWORD={WORD}",
    f"password: {WORD}",
    f"  password: |\n    {PASSWORD}",
    f"assert client.password == '{PASSWORD}'",
    f"<Cookie sessionid={TOKEN} for x/>",
    f"Client(password='{PASSWORD}...",
]
INNOCENT = """
token = parser.next_token()
password=None
secret: true
token=Token('NAME', 'x')
assert password == expected
password = get_password()
password=password
def f(password: str, token: Token = None):
raise ValueError("password must be set")
E   KeyError: 'password'
tests/test_token.py::test_password[token] PASSED
password: Optional[str] = None
the password was wrong
Authorization: required
unexpected token: NAME
{'username', 'password', 'email'}
self.password = self.settings.password
secret=os.environ['SECRET']
usage: x --password PASSWORD [--token TOKEN]
token_type='bearer'
max_tokens=4096
pass: 3, fail: 4
primary_key=12ab34cd
password={password}
password=%s
password=********
password_field = 'form_password_1'
"token": "NAME"
session=<Session object at 0x7f1234567890>
secret_key=config.SECRET_KEY,
password=pw2)
ssh://git@host.example/x.git
https://git:${PASSWORD}@host/x.git
http://user:@host.example/
pytest -p no:cacheprovider
docker run -u 1000:1000 image
GET /cookies HTTP/1.1
generate_password_hash("secret", "sha256")
AUTH_HEADER = 'AUTH_HEADER'
Token: "#d8dee9"
the Bearer scheme of RFC6750
access_token_expires: 3600
signature reason/3:0123456789abcdef
t.py::test_strip[https://g.c/repo.git-user_passwords0-https://g.c/repo.git]
""".strip().splitlines()


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_goes_and_redacting_again_changes_nothing(text: str) -> None:
    redact = Redactor()
    shown = redact(text)
    assert not [secret for secret in (PASSWORD, TOKEN, WORD) if secret in shown]
    assert MARK in shown
    assert redact(shown) == shown


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor()(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_documents_that_were_redacted_as_text_can_be_read(text: str) -> None:
    document = json.dumps({"message": text, "n": [1, 2]})
    shown = Redactor()(document)
    assert json.loads(shown)["n"] == [1, 2]
    assert PASSWORD not in shown


@given(
    parts=st.lists(
        st.sampled_from(
            [*SECRETS, *INNOCENT, MARK, "E   ", "[redacted", BEGIN, END, *KEY_LINES, "\n", "'", " ", "x"]
        ),
        max_size=8,
    )
)
@settings(max_examples=150, deadline=None)
def test_redacting_twice_is_redacting_once(parts: list[str]) -> None:
    redact = Redactor([PASSWORD])
    shown = redact("".join(parts))
    assert redact(shown) == shown


@given(
    lines=st.lists(st.sampled_from([*SECRETS, *INNOCENT, f"E    assert '{WORD}' == 'x'", f"E     + where '{WORD}' = a.password"]), max_size=12),
    size=st.integers(1, 200),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_stream_does_not_depend_on_its_blocks(lines: list[str], size: int) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    whole, parts = StreamRedactor(Redactor()), StreamRedactor(Redactor())
    expected = whole.feed(data) + whole.close()
    found = b"".join(parts.feed(data[start : start + size]) for start in range(0, len(data), size))
    assert found + parts.close() == expected


def test_a_value_that_is_named_later_goes_from_the_whole_failure() -> None:
    failure = f"E    assert '{WORD}' == 'x'\nE     + where '{WORD}' = Client(host='a').password\n"
    stream = StreamRedactor(Redactor())
    assert (
        WORD
        not in (
            stream.feed(failure[:30].encode()) + stream.feed(failure[30:].encode()) + stream.close()
        ).decode()
    )
    assert WORD not in Redactor()(failure)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([BEGIN, *KEY_LINES, END]),
        "\n".join([BEGIN, *KEY_LINES]) + "\nassert x == 1, but it failed\n",
        "text: " + "\n".join([*KEY_LINES, END]) + "\nafter",
        json.dumps({"key": "\n".join([BEGIN, *KEY_LINES, END]), "after": 1}),
        "\n".join(f"E     {line}" for line in [BEGIN, *KEY_LINES, END]),
    ],
    ids=["whole", "end cut off", "beginning cut off", "in JSON", "in a failure"],
)
def test_private_keys(text: str) -> None:
    shown = Redactor()(text)
    assert "MII" not in shown
    assert all(word in shown for word in ("after", "assert x == 1") if word in text)
    assert list(key_spans(shown)) == []


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("dbPassword", Strength.STRONG),
        ("x-api-key", Strength.STRONG),
        ("GITHUB_TOKEN", Strength.STRONG),
        ("token", Strength.WEAK),
        ("max_tokens", Strength.WEAK),
        ("token_type", Strength.NONE),
        ("password_field", Strength.NONE),
        ("author", Strength.NONE),
        ("primary_key", Strength.NONE),
        ("monkey", Strength.NONE),
    ],
)
def test_strength_of_names(name: str, strength: Strength) -> None:
    assert strength_of(name) is strength


def test_random_values() -> None:
    assert all(map(looks_random, (TOKEN, PASSWORD, "3f9a" * 8, "qZxkWvPtLmRbNcDs")))
    assert not any(
        map(
            looks_random,
            (
                "test_token_1",
                "2026-11-30",
                "v1.2.3",
                "SomeClassName",
                "/usr/lib/python3.11",
                "1234567",
                "HS256",
            ),
        )
    )


def test_secrets_inside_of_variables_are_known() -> None:
    """The password of an address is printed alone, decoded, cut by pytest's repr, and wrapped."""
    environ = {"DATABASE_URL": f"postgres://joe:{TOKEN}%40x@db/app", "SETTINGS": f"a=1;Pwd={PASSWORD}!;b=2"}
    assert f"{TOKEN}%40x" in secret_values(environ)
    redact = Redactor.of(environ)
    for text in (
        f"{TOKEN}@x",
        f"got {PASSWORD}! here",
        f"'{TOKEN[:9]}...",
        f"...{TOKEN[9:]}%40x'",
        f"{TOKEN[:7]}\n      {TOKEN[7:]}%40x",
    ):
        shown = redact(text)
        assert MARK in shown, text
        assert TOKEN[:7] not in shown
        assert TOKEN[9:] not in shown


def test_a_key_of_data_gives_its_value_away() -> None:
    data = {
        "env": {"DB_PASSWORD": WORD, "MODE": "ci"},
        "token": "NAME",
        "signature": "reason/3:0123456789abcdef",
        "n": 1,
    }
    assert redacted_data(data, Redactor()) == {**data, "env": {"DB_PASSWORD": MARK, "MODE": "ci"}}


def test_keys_that_become_equal_stay_apart() -> None:
    data = {f"https://u:{PASSWORD}{n}@h": n for n in range(2)}
    assert sorted(redacted_data(data, Redactor()).values()) == [0, 1]


def test_patterns_of_a_project_have_their_own_flags_and_groups() -> None:
    redact = Redactor(patterns=["(?i)order-\\d+", "(?P<a>x1)", "(?P<a>x2)"])
    assert redact("ORDER-12, x1 and x2") == f"{MARK}, {MARK} and {MARK}"


def test_the_source_line_of_an_assertion_names_its_values() -> None:
    failure = f">       assert Client().password == \"x\"\nE       AssertionError: assert '{PASSWORD}' == 'x'\nE         - x\nE         + {PASSWORD}\n"
    stream = StreamRedactor(Redactor())
    summary = f"FAILED t.py::test - AssertionError: assert '{PASSWORD}' == 'x'\n"
    shown = stream.feed((failure + summary).encode()) + stream.close()
    assert PASSWORD.encode() not in shown
    assert PASSWORD not in Redactor()(failure)


def test_a_cut_literal_keeps_no_part_of_a_secret_that_the_failure_shows_whole() -> None:
    failure = (
        f"E       AssertionError: assert {{'user': 'u',...{PASSWORD[1:]}'}} == {{}}\n"
        "E         Left contains 2 more items:\n"
        f"E         {{'client_secret': '{PASSWORD}', 'user': 'u'}}\n"
    )
    assert PASSWORD[1:] not in Redactor()(failure)


def test_what_a_cut_leaves_of_a_token_of_a_service_goes() -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    shown = Redactor()(f"assert '{token[:12]}...{token[-12:]}' == ''")
    assert shown == f"assert '{MARK}' == ''"
    assert Redactor()("see npm_config...rest of it") == "see npm_config...rest of it"


def test_tokens_without_a_break_between_them_all_go() -> None:
    tokens = (
        "ghp_" + "a1B2c3D4e5F6" * 3,
        "glpat-" + "x9Y8z7" * 4,
        "AKIA" + "Q2W3E4R5T6Z7U8I9",
        "sk_live_" + "a1B2c3D4" * 3,
    )
    joined = "".join(tokens)
    shown = Redactor()(f"assert '{joined}' == ''")
    assert shown == "assert '[redacted]' == ''"


KNOWN = "Zq81" + "xLw07Rt5" + "mVb34Ks9Hd"


@pytest.mark.parametrize(
    "part",
    [KNOWN[:8], KNOWN[:12], KNOWN[-8:], KNOWN[-11:], KNOWN[3:19], f"tok_{KNOWN[:9]}/x", KNOWN[:10].upper() + KNOWN],
)  # fmt: skip
def test_a_part_of_a_known_value_goes_without_dots_too(part: str) -> None:
    """As in `token[:12]`, which a test prints to say which token it was."""
    shown = Redactor([KNOWN])(f"using {part} again")
    assert not [n for n in range(len(KNOWN) - 7) if KNOWN[n : n + 8] in shown]


@pytest.mark.parametrize(
    "value", ["hunter" + "2-Zq9!vault", "P@ss" + "w0rd!Shop#77", "x(7Kd)" + "'9~m&Tr4z="]
)
def test_a_part_with_signs_goes_too(value: str) -> None:
    """Signs and words of passwords make short blocks that could be anything; longer ones could not."""
    redact = Redactor([value])
    for length in range(10, len(value)):
        head, tail = value[:length], value[-length:]
        assert (
            redact(f"begins with {head}, ends with {tail}.")
            == "begins with [redacted], ends with [redacted]."
        )


def test_words_of_a_known_value_are_no_parts_of_it() -> None:
    text = "database settings and passwords"
    assert Redactor(["database-Zq81xLw0-settings"])(text) == text


def test_a_private_key_behind_long_margins_of_a_log_goes() -> None:
    margin = "2026-11-30 11:00:00,123 WARNING service.module.submodule [worker 12] request 3f: "
    lines = [margin + line for line in (BEGIN, *KEY_LINES, KEY_LINES[0][:20], END)]
    shown = Redactor()("\n".join(lines))
    assert KEY_LINES[0][:12] not in shown
