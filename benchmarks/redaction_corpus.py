"""Secrets in many shapes, made from a seed: none of them stands in the repository, so that scanners stay quiet.

A shape says in which form a value is written down (`FORMS`), or what the tokens of a service look like
(`PROVIDERS`). Every second shape and every second name is held out: rules are made by looking at the first half,
and judged by the second.
"""

# ruff: noqa: E501, PLC3002 - tables read better in one line each
from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from benchmarks.redaction_places import FIRST, SECOND

LETTERS_DIGITS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = LETTERS_DIGITS + "-_"


HALVES = ("seen", "unseen")
"""Parts of the corpus: every second shape was not looked at when the first rules were made."""


@dataclass(frozen=True)
class Case:
    """A text with secrets in it."""

    shape: str
    text: str
    secrets: tuple[str, ...]
    part: str
    """Of the corpus: what was known of the shape when the rules were made."""


SURE_NAMES = (
    "password", "DB_PASSWORD", "passwd", "api_key", "client_secret", "dbPassword", "secret", "apiKey", "db-password",
    "API_KEY", "aws_secret_access_key", "accessToken", "SECRET_KEY", "access_token", "x-api-key", "auth_token",
    "userPassword", "private_key", "smtp_pass", "refresh_token", "pgpassword", "clientSecret", "MYSQL_PWD", "signing_key",
    "passphrase", "ENCRYPTION_KEY", "admin_password2", "api-token", "GITHUB_TOKEN", "proxy_password", "secretKey",
    "storage_account_key", "PASSWORD", "webhook_secret", "ftpPassword", "bot_token",
)  # fmt: skip
"""Names that leave no doubt."""
OPEN_NAMES = ("token", "TOKEN", "sessionid", "csrf_token", "auth", "jwt", "credentials", "stripe_key", "xsrf_token", "csrftoken", "cookie_secret", "sid")  # fmt: skip
"""Names that programs use for other things too; their values are random here."""

Form = Callable[[str, str], str]
FORMS: dict[str, Form] = {
    "NAME=VALUE": lambda n, v: f"{n}={v}",
    "NAME = VALUE": lambda n, v: f"{n} = {v}",
    "NAME: VALUE": lambda n, v: f"{n}: {v}",
    "NAME='VALUE'": lambda n, v: f"{n}='{v}'",
    'NAME = "VALUE"': lambda n, v: f'{n} = "{v}"',
    "JSON": lambda n, v: json.dumps({"user": "joe", n: v, "retries": 3}),
    "JSON, indented": lambda n, v: json.dumps({"user": "joe", n: v, "retries": 3}, indent=2),
    "JSON inside of JSON": lambda n, v: json.dumps({"body": json.dumps({n: v, "id": 7})}),
    "Python dictionary": lambda n, v: repr({"user": "joe", n: v, "retries": 3}),
    "dictionary of bytes": lambda n, v: repr({n.encode(): v.encode()}),
    "repr of a dataclass": lambda n, v: f"Client(host='db.example', {n.replace('-', '_')}={v!r}, port=5432)",
    "call": lambda n, v: f"client.connect('db.example', {n.replace('-', '_')}={v!r})",
    "keyword argument without quotes": lambda n, v: f"connect(host=db, {n}={v}, timeout=3)",
    "item": lambda n, v: f"settings[{n!r}] = {v!r}",
    "annotated": lambda n, v: f"    {n.replace('-', '_')}: str = {v!r}",
    "local variable": lambda n, v: f"{n.replace('-', '_'):<12} = {v!r}",
    "YAML": lambda n, v: f"service:\n  host: db\n  {n}: {v}\n  port: 1",
    "YAML, quoted": lambda n, v: f'service:\n  {n}: "{v}"',
    "YAML, list of variables": lambda n, v: f"env:\n  - name: {n}\n    value: {v}",
    "TOML": lambda n, v: f'[service]\nhost = "db"\n{n} = "{v}"',
    "ini": lambda n, v: f"[service]\nhost=db\n{n}={v}\nport=1",
    "export": lambda n, v: f"export {n}={v}",
    "env before a command": lambda n, v: f"env HOME=/x {n}={v} make test",
    "docker -e": lambda n, v: f"docker run -e {n}={v} image",
    "option with =": lambda n, v: f"tool --{n.lower().replace('_', '-')}={v} --verbose",
    "option with blank": lambda n, v: f"tool --{n.lower().replace('_', '-')} {v} --verbose",
    "list of a command": lambda n, v: repr(["tool", f"--{n.lower().replace('_', '-')}", v, "--verbose"]),
    "XML element": lambda n, v: f"<config><host>db</host><{n}>{escape(v)}</{n}></config>",
    "XML attribute": lambda n, v: f'<service host="db" {n}="{escape(v)}"/>',
    "XML name and value": lambda n, v: f'<add key="{n}" value="{escape(v)}"/>',
    "XML property": lambda n, v: f'<property name="{n}">{escape(v)}</property>',
    "escaped HTML": lambda n, v: f"{{&quot;{n}&quot;: &quot;{escape(v)}&quot;}}",
    "query": lambda n, v: f"GET https://api.example/v1/items?page=2&{n}={quote(v, safe='')}&sort=asc",
    "form": lambda n, v: f"user=joe&{n}={quote(v, safe='')}&next=%2F",
    "key=value;": lambda n, v: f"Server=db;User=joe;{n}={v};Database=x",
    "pair": lambda n, v: repr([("user", "joe"), (n, v)]),
    "header": lambda n, v: f"> X-{n.replace('_', '-').title()}: {v}",
    "header in a dictionary": lambda n, v: repr({"Accept": "*/*", f"X-{n.replace('_', '-').title()}": v}),
    "comparison": lambda n, v: f"assert {v!r} == client.{n.replace('-', '_')}",
    "introspection": lambda n, v: (
        f"assert {v!r} == 'x'\n +  where {v!r} = Client(host='db').{n.replace('-', '_')}"
    ),
    "sentence": lambda n, v: f"login failed with {n} {v!r} for user joe",
    "JavaScript": lambda n, v: f"const {n.replace('-', '_')} = '{v}';",
    "PHP": lambda n, v: f"'{n}' => '{v}',",
    "Ruby": lambda n, v: f':{n.replace("-", "_")} => "{v}"',
    "Go": lambda n, v: f'Config{{Host:"db", {n.replace("-", "_")}:"{v}"}}',
    "enumeration": lambda n, v: f"['{n}']: \"{v}\"",
    "cut literal": lambda n, v: f"Client(host='db', {n.replace('-', '_')}={v[:9]!r}"[:-1] + "...",
    "CloudFormation": lambda n, v: json.dumps([{"ParameterKey": n, "ParameterValue": v}]),
    "name and value in JSON": lambda n, v: json.dumps({"name": n, "value": v}),
    "url-encoded JSON": lambda n, v: quote(json.dumps({n: v}), safe=""),
}
"""Forms in which a name and its value are written."""

Provider = Callable[[random.Random], tuple[str, str]]


def _of(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def _prefixed(prefix: str, alphabet: str, length: int) -> Provider:
    def make(rng: random.Random) -> tuple[str, str]:
        body = _of(rng, alphabet, length)
        return f"the server said 401 for {prefix}{body} again", body

    return make


def _around(template: str, alphabet: str, length: int) -> Provider:
    def make(rng: random.Random) -> tuple[str, str]:
        body = _of(rng, alphabet, length)
        return template.format(body), body

    return make


def _pem(label: str, first: int, last: int | None) -> Provider:
    """A private key, of which the lines from `first` to `last` are there."""

    def make(rng: random.Random) -> tuple[str, str]:
        body = base64.b64encode(rng.randbytes(600)).decode()
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        whole = [f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]
        return "\n".join(whole[first:last]), lines[5]

    return make


def _basic(rng: random.Random) -> tuple[str, str]:
    body = base64.b64encode(f"joe:{_of(rng, LETTERS_DIGITS, 12)}".encode()).decode()
    return f"Authorization: Basic {body}", body


def _jwt(rng: random.Random) -> tuple[str, str]:
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": _of(rng, HEX, 12)})]
    head, body = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    return f"invalid token {head}.{body}.{_of(rng, URL_SAFE, 43)} (expired)", body


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


UPPER = string.ascii_uppercase + "234567"
PROVIDERS: dict[str, Provider] = {
    "AWS key id": _prefixed("AKIA", UPPER, 16),
    "AWS temporary key id": _prefixed("ASIA", UPPER, 16),
    "AWS session token header": _around("X-Amz-Security-Token: {}", LETTERS_DIGITS, 80),
    "AWS signed address": _around("https://b.s3.amazonaws.com/o?X-Amz-Expires=60&X-Amz-Signature={}", HEX, 64),
    "Google API key": _prefixed("AIza", URL_SAFE, 35),
    "Google OAuth": _prefixed("ya29.", URL_SAFE, 60),
    "Google client secret": _prefixed("GOCSPX-", URL_SAFE, 28),
    "Google service account": lambda r: (lambda t: (json.dumps({"type": "service_account", "private_key": t[0]}), t[1]))(_pem("PRIVATE KEY", 0, None)(r)),
    "Azure account key": _around("DefaultEndpointsProtocol=https;AccountName=x;AccountKey={}==;EndpointSuffix=core.windows.net", LETTERS_DIGITS + "+/", 86),
    "Azure SAS": _around("https://x.blob.core.windows.net/c?sv=2022-11-02&se=2030&sig={}%3D", LETTERS_DIGITS, 43),
    "Azure service bus": _around("Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey={}=", LETTERS_DIGITS + "+/", 43),
    "Azure SharedAccessSignature": _around("SharedAccessSignature sr=x.net&sig={}%3d&se=1&skn=p", LETTERS_DIGITS, 43),
    "Azure client secret": _around("the secret abc8Q~{} was refused", URL_SAFE, 34),
    "GitHub": _prefixed("ghp_", LETTERS_DIGITS, 36),
    "GitHub server": _prefixed("ghs_", LETTERS_DIGITS, 36),
    "GitHub fine-grained": _prefixed("github_pat_", LETTERS_DIGITS + "_", 82),
    "GitLab": _prefixed("glpat-", URL_SAFE, 20),
    "GitLab runner": _prefixed("glrt-", URL_SAFE, 20),
    "Slack bot": _prefixed("xoxb-", string.digits + "-" + LETTERS_DIGITS, 50),
    "Slack app": _prefixed("xapp-1-", LETTERS_DIGITS, 60),
    "Slack webhook": _around("POST https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/{} 404", LETTERS_DIGITS, 24),
    "Discord webhook": _around("https://discord.com/api/webhooks/123456789012345678/{}", URL_SAFE, 68),
    "Discord bot": _around("login with MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.{} failed", URL_SAFE, 27),
    "Teams webhook": _around("https://acme.webhook.office.com/webhookb2/{}", HEX + "-@", 60),
    "Telegram": _around("https://api.telegram.org/bot123456789:AA{}/getMe", URL_SAFE, 33),
    "Stripe": _prefixed("sk_live_", LETTERS_DIGITS, 24),
    "Stripe restricted": _prefixed("rk_test_", LETTERS_DIGITS, 24),
    "Stripe webhook": _prefixed("whsec_", LETTERS_DIGITS, 32),
    "npm": _prefixed("npm_", LETTERS_DIGITS, 36),
    "npmrc": _around("//registry.npmjs.org/:_authToken={}", HEX, 36),
    "PyPI": _prefixed("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 80),
    "Twilio": _prefixed("SK", HEX, 32),
    "SendGrid": _around("using SG." + "aB3" * 7 + "x" + ".{}", URL_SAFE, 43),
    "Mailgun": _prefixed("key-", HEX, 32),
    "Mailchimp": lambda r: (lambda b: (f"apikey is {b}-us12", b))(_of(r, HEX, 32)),
    "Hugging Face": _prefixed("hf_", string.ascii_letters, 34),
    "OpenAI": _prefixed("sk-proj-", URL_SAFE, 60),
    "Anthropic": _prefixed("sk-ant-api03-", URL_SAFE, 90),
    "Groq": _prefixed("gsk_", LETTERS_DIGITS, 52),
    "Databricks": _prefixed("dapi", HEX, 32),
    "DigitalOcean": _prefixed("dop_v1_", HEX, 64),
    "Heroku": lambda r: (lambda u: (f"HEROKU_API_KEY={u}", u))(_uuid(r)),
    "Heroku, prefixed": lambda r: (lambda u: (f"using HRKU-{u}", u))(_uuid(r)),
    "Square": _prefixed("sq0csp-", URL_SAFE, 43),
    "Shopify": _prefixed("shpat_", HEX, 32),
    "Vault": _prefixed("hvs.", URL_SAFE, 90),
    "Vault, old": _prefixed("s.", LETTERS_DIGITS, 24),
    "Doppler": _prefixed("dp.pt.", LETTERS_DIGITS, 43),
    "Atlassian": _prefixed("ATATT3xFfGF0", URL_SAFE, 170),
    "Linear": _prefixed("lin_api_", LETTERS_DIGITS, 40),
    "Notion": _prefixed("ntn_", LETTERS_DIGITS, 46),
    "Airtable": _around("patAbCdEfGh123456.{}", HEX, 64),
    "Postman": _prefixed("PMAK-", HEX, 59),
    "New Relic": _prefixed("NRAK-", string.ascii_uppercase + string.digits, 27),
    "Grafana": _prefixed("glsa_", LETTERS_DIGITS, 41),
    "Sentry address": _around("https://{}@o12.ingest.sentry.io/345", HEX, 32),
    "Datadog": _around("DD-API-KEY: {}", HEX, 32),
    "Docker Hub": _prefixed("dckr_pat_", URL_SAFE, 27),
    "Artifactory": _prefixed("AKCp", LETTERS_DIGITS, 69),
    "RubyGems": _prefixed("rubygems_", HEX, 48),
    "Tailscale": _prefixed("tskey-auth-", LETTERS_DIGITS, 36),
    "age": _prefixed("AGE-SECRET-KEY-1", UPPER, 58),
    "Alibaba": _prefixed("LTAI", LETTERS_DIGITS, 20),
    "PlanetScale": _prefixed("pscale_tkn_", URL_SAFE, 43),
    "Pulumi": _prefixed("pul-", HEX, 40),
    "Terraform": _around("AbCdEfGh123456.atlasv1.{}", URL_SAFE, 64),
    "Netlify": _prefixed("nfp_", LETTERS_DIGITS, 36),
    "OpenShift": _prefixed("sha256~", URL_SAFE, 43),
    "Facebook": _prefixed("EAAB", LETTERS_DIGITS, 120),
    "JSON Web Token": _jwt,
    "bearer": _around("Authorization: Bearer {}", URL_SAFE, 40),
    "bearer, in a dictionary": _around("{{'Authorization': 'Bearer {}'}}", LETTERS_DIGITS, 30),
    "basic": _basic,
    "token scheme": _around("authorization: token {}", HEX, 40),
    "digest": _around('Authorization: Digest username="joe", realm="x", response="{}"', HEX, 32),
    "AWS4": _around("Authorization: AWS4-HMAC-SHA256 Credential=AK/x, SignedHeaders=host, Signature={}", HEX, 64),
    "raw headers": _around("(b'authorization', b'Bearer {}')", LETTERS_DIGITS, 30),
    "private token header": _around("PRIVATE-TOKEN: {}", LETTERS_DIGITS, 20),
    "cookie": _around("Cookie: theme=dark; sessionid={}", LETTERS_DIGITS, 32),
    "set-cookie": _around("Set-Cookie: session={}; Path=/; HttpOnly; SameSite=Lax", URL_SAFE, 40),
    "cookie jar": _around("<RequestsCookieJar[<Cookie sessionid={} for example.com/>]>", HEX, 32),
    "curl -u": _around("curl -s -u joe:{} https://x.example/api", LETTERS_DIGITS, 12),
    "curl -u in a list": _around("['curl', '-u', 'joe:{}', 'https://x.example']", LETTERS_DIGITS, 12),
    "curl --user": _around("curl --user joe:{} https://x.example/api", LETTERS_DIGITS, 12),
    "sshpass": _around("sshpass -p {} ssh joe@host", LETTERS_DIGITS, 12),
    "mysql": _around("mysql -h db -u root -p{} app", LETTERS_DIGITS, 12),
    "docker login": _around("docker login -u joe -p {} registry.example", LETTERS_DIGITS, 12),
    "redis-cli": _around("redis-cli -h db -a {} PING", LETTERS_DIGITS, 12),
    "openssl": _around("openssl rsa -in k -passin pass:{}", LETTERS_DIGITS, 12),
    "htpasswd": _around("htpasswd -nbB joe --password {}", LETTERS_DIGITS, 12),
    "netrc": _around("machine api.example login joe password {}", LETTERS_DIGITS, 12),
    "URL": _around("postgresql://joe:{}@db.example:5432/app", LETTERS_DIGITS, 12),
    "URL, no user": _around("redis://:{}@cache.example:6379/0", LETTERS_DIGITS, 12),
    "URL with signs": _around("mongodb+srv://joe:p%40{}!x@db.example/?retryWrites=true", LETTERS_DIGITS, 12),
    "git remote": _around("fatal: could not read from https://x-access-token:{}@github.com/a/b.git", LETTERS_DIGITS, 36),
    "JDBC": _around("jdbc:postgresql://db.example/app?user=joe&password={}", LETTERS_DIGITS, 12),
    "ADO.NET": _around("Server=tcp:db,1433;Initial Catalog=x;User ID=joe;Pwd={};Encrypt=True", LETTERS_DIGITS, 12),
    "libpq": _around('could not connect: "host=db user=joe password={} dbname=app"', LETTERS_DIGITS, 12),
    "Go DSN": _around("joe:{}@tcp(db.example:3306)/app?parseTime=true", LETTERS_DIGITS, 12),
    "Oracle": _around("jdbc:oracle:thin:scott/{}@//db.example:1521/x", LETTERS_DIGITS, 12),
    "SQL identified by": _around("CREATE USER 'joe'@'%' IDENTIFIED BY '{}'", LETTERS_DIGITS, 12),
    "SQL password": _around("ALTER ROLE joe WITH LOGIN PASSWORD '{}'", LETTERS_DIGITS, 12),
    "SQL where": _around("SELECT * FROM users WHERE name = 'joe' AND password = '{}'", LETTERS_DIGITS, 12),
    "basic auth tuple": _around("requests.get(url, auth=('joe', '{}'))", LETTERS_DIGITS, 12),
    "basic auth object": _around("auth=HTTPBasicAuth('joe', '{}')", LETTERS_DIGITS, 12),
    "set_password": _around("user.set_password('{}')", LETTERS_DIGITS, 12),
    "fragment": _around("https://app.example/cb#access_token={}&state=1", LETTERS_DIGITS, 30),
    "PEM": _pem("RSA PRIVATE KEY", 0, None),
    "PEM, end cut off": _pem("PRIVATE KEY", 0, 9),
    "PEM, beginning cut off": _pem("EC PRIVATE KEY", 3, None),
    "PEM of OpenSSH": _pem("OPENSSH PRIVATE KEY", 0, None),
    "PEM in one line": lambda r: (lambda t: (t[0].replace("\n", "\\n"), t[1]))(_pem("PRIVATE KEY", 0, None)(r)),
}  # fmt: skip
"""Shapes that need no name beside them, or one that belongs to them."""


def _password(rng: random.Random) -> str:
    """A password as people and generators make them."""
    kinds: list[Callable[[], str]] = [
        lambda: _of(rng, LETTERS_DIGITS, 12) + "7a",
        lambda: _of(rng, string.ascii_lowercase, 6) + str(rng.randint(100, 999)),
        lambda: _of(rng, LETTERS_DIGITS, 8) + "!x9",
        lambda: _of(rng, HEX, 32),
        lambda: "-".join(_of(rng, string.ascii_lowercase, 5) for _ in range(3)) + f"-{rng.randint(10, 99)}",
        lambda: base64.b64encode(rng.randbytes(24)).decode(),
    ]
    return rng.choice(kinds)()


def _random_value(rng: random.Random) -> str:
    return rng.choice(
        [_of(rng, HEX, 32), "a1" + _of(rng, LETTERS_DIGITS, 22), _uuid(rng), "t0" + _of(rng, URL_SAFE, 30)]
    )


def cases(seed: int, each: int = 3) -> Iterator[Case]:
    """Yield `each` texts of every shape; names of one half come with shapes of the same half."""
    rng = random.Random(seed)
    for index, (shape, form) in enumerate(FORMS.items()):
        held_out = index % 2
        sure = SURE_NAMES[held_out::2]
        unsure = OPEN_NAMES[held_out::2]
        for number in range(each):
            is_sure = number % 3 != 2
            name = rng.choice(sure if is_sure else unsure)
            value = _password(rng) if is_sure else _random_value(rng)
            secret = value[:9] if shape == "cut literal" else value
            yield Case(shape, form(name, value), (secret,), HALVES[held_out])
    for index, (shape, provider) in enumerate(PROVIDERS.items()):
        for _ in range(each):
            text, secret = provider(rng)
            yield Case(shape, text, (secret,), HALVES[index % 2])
    for part, places in (("places", FIRST), ("more places", SECOND)):
        for shape, (template, value_of) in places.items():
            for _ in range(each):
                secret = value_of(rng)
                yield Case(shape, template.replace("§", secret), (secret,), part)
