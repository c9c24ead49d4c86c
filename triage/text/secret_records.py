"""Shapes of secrets in records and messages: password files, protocols, keys as JSON, calls, sentences.

What an expression cannot tell (does this word look like a password, is this base64 of a login?) is asked of
the secret itself.
"""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import base64
import binascii
import re

from triage.text.secret_shapes import Shape, shape
from triage.text.secret_values import is_password_like, looks_random

_QUOTED = r"""[bruBRU]{0,2} (?P<quote> \\{0,3}["'] ) (?P<secret> [^"'\n\\]{6,200} ) (?P=quote)"""
_SAMPLE = "a1b2c3d4" * 4


def _decoded(text: str) -> bytes:
    """Return what base64 stands for; nothing where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _is_login(text: str) -> bool:
    """Whether base64 holds a user and a password, with a colon (HTTP) or a zero (SMTP) between them."""
    raw = _decoded(text)
    between = max(raw.find(b":"), raw.rfind(b"\0"))
    return 0 <= between < len(raw) - 1 and raw.replace(b"\0", b"").isascii()


def _is_private_key(text: str) -> bool:
    """Whether base64 holds a private key; certificates and public keys begin alike."""
    usable = len(text) - len(text) % 4
    return b"PRIVATE KEY" in _decoded(text[:usable])[:100]


def _in_line(
    kind: str,
    hints: str,
    expression: str,
    *examples: str,
    innocent: str,
    is_secret: object = is_password_like,
) -> Shape:
    judge = is_secret if callable(is_secret) else None
    return shape(kind, hints, expression, *examples, innocent=innocent, begins=False, is_secret=judge)


RECORDS = (
    _in_line("user and password before a host, without a scheme", "@",
          r"""(?<![\w:/.@+-]) (?! (?: mailto|e?mail|from|to|cc|bcc|user|author|sips?|xmpp|acct|contact|owner|npm|git|workspace ) : )
              [A-Za-z_][\w.-]{0,30} : (?P<secret> [^\s:/@'"<>{}()\[\],]{6,80} ) @ (?!sha\d) [A-Za-z][\w-]*(?:\.[\w-]+)* (?: :\d{2,5}\b | :?[/~] )""",
          "joe:" + "pw123x9" + "@host:22", innocent="mailto:joe@example.com"),
    _in_line("password file of PostgreSQL", ":5432: :5433: :6432: :*:",
          r"""(?<![\w:.-]) (?: localhost | \* | (?:[\w-]+\.)+[\w-]+ | [a-z][\w-]* ) : (?: \d{4,5} | \* ) : [\w*$-]+ : [\w.*@-]+ : (?P<secret> [^\s:'"\\]{4,80} )""",
          "db.example:5432:app:joe:" + "pw123x", innocent="db:5432:app"),
    _in_line("login in base64", "Basic+ basic+ BASIC+ Basic% basic% PLAIN+ LOGIN+ auth\" auth' auth\\ auth= _auth=",
          r"""\b (?: [Bb]asic | BASIC | PLAIN | AUTH[ ]LOGIN | \\*["']?_?auth\\*["']? [ ]* [:=] ) (?: [ \t]+ | %20 | \+ )? ["']? (?P<secret> [A-Za-z0-9+/]{8,} (?:={1,2}|(?:%3[Dd]){1,2})? )""",
          "Basic " + base64.b64encode(b"joe:pw1").decode(), innocent="Basic auth", is_secret=lambda text: _is_login(re.sub("%3[Dd]", "=", text))),
    _in_line("password of an old protocol", "AUTH+ PASS+ LOGIN+ requirepass masterauth rootpw",
          r"""(?: (?<![\w-]) | (?<=\\n) ) (?: AUTH (?:[ ]default)? | PASS | LOGIN[ ][\w."@-]{1,60} | requirepass | masterauth | rootpw ) [ \t]+ ["']? (?P<secret> [^\s"'\\]{6,80} )""",
          "AUTH " + "pw123x9", "a1 LOGIN joe " + "pw123x9", innocent="PASS x"),
    shape("private key in base64", "LS0tLS1CRUdJTi", r"(?P<secret> LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2} )",
          base64.b64encode(b"-----BEGIN " + b"PRIVATE KEY-----" + b"x" * 30).decode(), innocent="LS0tLS1CRUdJTi", is_secret=_is_private_key),
    shape("PuTTY", "Private-Lines:", r"Private-Lines: [ ] \d+ (?: \r?\n | \\+n ) (?P<secret> (?: [ \t>E|]* [A-Za-z0-9+/=]{16,} (?: \r?\n | \\+n | \b | (?<==) ) )+ )",
          "Private-Lines: 1\n" + _SAMPLE, innocent="Private-Lines: 1"),
    _in_line("private half of a JSON Web Key", '"d" "k" "p" "q" \'d\' \'k\' \'p\' \'q\' d\\" k\\" p\\" q\\" d\\\\" k\\\\" p\\\\" q\\\\"',
          r"""["'](?: d | p | q | dp | dq | qi | k )\\*["'] [ ]* : [ ]* \\*["'] (?P<secret> [\w-]{20,} )""",
          "\"d\": \"" + _SAMPLE + '"', innocent='"d": "day"', is_secret=looks_random),
    _in_line("address that is quoted as a whole", "%3A%2F%2F %3a%2f%2f",
          r"%3[Aa]%2[Ff]%2[Ff] [\w.~+-]* %3[Aa] (?P<secret> (?: (?!%40)[\w.~!*()%+-] ){3,100} ) (?=%40)",
          "postgres%3A%2F%2Fjoe%3A" + "pw123%40db", innocent="https%3A%2F%2Fx.example%3A8080%2F", is_secret=lambda text: True),
    _in_line("one-time code in a sentence", "code+ pin+ passcode+ code: pin: Code+ PIN+ Code: PIN:",
          r"""(?i: \b (?: verification | security | one-?time | login | access | sms | 2fa | mfa | backup | recovery | confirmation | otp | sign-?in | authentication )
              [ -] (?: code | pin | passcode ) (?: [ ](?:for|of)[ ]\S{1,60} )? (?: [ ](?:is|was) )? :? [ ]+ ) ["']? (?P<secret> \d{4,8} \b )""",
          "verification code is " + "482913", innocent="exit code 1234", is_secret=lambda text: True),
    _in_line("key in a sentence of cryptography", "key+ key= key: secret+ secret= secret: Key+ Key: Secret+ Secret:",
          r"""(?i: \b (?: hmac | aes | rsa | des | cipher | \w*crypt\w* | sign\w* | shared | pre-?shared | signing | session | master | private | license | secret | api | access )
              [^\n'"]{0,40}? [ -] (?: key | secret ) (?: [ ](?:is|was|of) )? [ :=]+ ) \\*["']? (?P<secret> [A-Za-z0-9+/=_-]{12,} )""",
          "hmac key " + _SAMPLE, innocent="signed with the key of the server", is_secret=looks_random),
    _in_line("key given to a call of cryptography", "Fernet( MultiFernet( AESGCM( AESSIV( ChaCha20Poly1305( .new( .digest( Signer( TimestampSigner( Serializer( TimedSerializer( URLSafeSerializer( URLSafeTimedSerializer( JSONWebSignatureSerializer( HMAC( derive_key( SecretBox(",
          rf"""\b (?: Fernet | MultiFernet | AESGCM | AESSIV | ChaCha20Poly1305 | HMAC | SecretBox | derive_key | (?: AES | DES3? | hmac | HMAC | Blowfish | ARC4 | ChaCha20 )\.(?:new|digest) | \w*Sign(?:er|ature) | \w*Serializer )
              \( [ ]* (?: \w+ [ ]?=[ ]? )? {_QUOTED}""",
          "Fernet(b'" + _SAMPLE + "')", innocent="Fernet('name')", is_secret=looks_random),
    _in_line("secret of a call of JWT", "jwt.encode( jwt.decode( jws. .encode( .decode(",
          rf"\b jw[test]\w* \. (?: encode | decode | sign | verify ) \( [ ]* [^'\"\n]{{1,200}}? , [ ]* (?:(?:key|secret)=)? {_QUOTED}",
          "jwt.encode(payload, '" + _SAMPLE + "')", innocent="jwt.encode(payload, key)", is_secret=looks_random),
    _in_line("login by position", "login( authenticate( create_user( create_superuser( connect( simple_bind( simple_bind_s( bind_s( RunAs( Credentials( PlainCredentials( BasicAuthCredentials( NetworkCredential( UsernamePasswordCredential(",
          rf"(?<![A-Za-z]) (?: login | authenticate | log_in | sign_in | create_user | create_superuser | connect | (?:simple_)?bind(?:_s)? | RunAs | \w*Credentials? ) \( (?: [ ]* (?:\w+=)? [bru]? \\*[\"'] [^\"'\n]{{1,80}} \\*[\"'] [ ]*, ){{1,3}}? [ ]* {_QUOTED}",
          "login('joe', '" + "pw123x9')", innocent="login('joe', 'home')"),
    _in_line("hidden field of a form", "<input",
          r"""\b value = \\*["'] (?P<secret> [^"'<>\s]{6,200} ) \\*["'] [^<>\n]{0,100}? \b (?: name | id | type ) = \\*["'] [\w.-]* (?i: csrf | xsrf | token | passw | secret | key | auth )""",
          "<input value='" + _SAMPLE + "' name='csrf_token'>", innocent="<input value='Submit1' name='go'>"),
    _in_line("PowerShell", "ConvertTo-SecureString", rf"ConvertTo-SecureString [ ] (?: -String[ ] )? {_QUOTED}",
          "ConvertTo-SecureString '" + "pw123x'", innocent="ConvertTo-SecureString $x", is_secret=lambda text: True),
    _in_line("password of a switch or of GRUB", "secret+ password+",
          r"""(?: username[ ]\S{1,60}[ ](?:secret|password) [ ] \d | enable[ ](?:secret|password)(?:[ ]\d)? | (?: \A | (?<=\n) | \\n ) [ \t>E]* password[ ][a-z]\w{1,20} (?= [ ]\S{6,80} [ \t]* (?: \Z | [\r\n"'\\] ) ) ) [ ] (?P<secret> [^\s"'\\]{6,80} )""",
          "username joe secret 0 " + "pw123x9", innocent="username joe secret"),
    _in_line("key in an address", "key= key%3D", r"[?&] (?: \w{0,20}[_-] )? key (?: = | %3[Dd] ) (?P<secret> [\w.~-]{16,} )",
          "https://x/?key=" + _SAMPLE, innocent="?key=abc", is_secret=looks_random),
    _in_line("secret given to a program by a pipe", "echo+ printf+",
          r"""\b (?: echo | printf ) (?: [ ]-\w+ )* [ ]+ \\*["']? (?: [\w.-]+: (?=[^|\n]{1,80}chpasswd) )? (?P<secret> [^\s"'|\\]{4,100} ) (?: \\+n )? \\*["']? [ ]* \| [ ]*
              (?= [^|\n]{0,80} (?: -stdin | \bsudo[ ](?:-\w+[ ])*-S | chpasswd | --with-token | passphrase-fd | \bpasswd\b | --stdin | smbpasswd ) )""",
          "echo pw123x | sudo -S ls", innocent="echo abc | cat"),
    _in_line("-p before a client program", "+-p+ +-p'",
          r"""(?<![\w-]) -p [ ]* ["']? (?P<secret> [^\s"':/=-][^\s"':/=]{4,80} ) ["']? [ ] (?: [^\n]{0,60} [ ] )? (?: mysql(?:dump|admin)? | mariadb | psql | redis-cli | ssh | scp | sftp | mongo(?:sh)? ) (?= \s | $ )""",
          "tunnel -p " + "pw123x9 mysql -u joe", innocent="docker run -p 3306:3306 mysql "),
)  # fmt: skip
"""One row a form."""
