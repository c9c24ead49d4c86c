"""Shapes of secrets in addresses, command lines, headers and SQL, where no name stands beside them."""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import re
from collections.abc import Callable

from triage.text.secret_shapes import Shape, shape
from triage.text.secret_values import is_plain_word

_LONG_USER = 20
"""A user name of a URL that is as long as this is a token."""
_VALUE = r"""(?: (?P<quote> \\*["'] ) (?P<secret> [^"'\n\\]{1,200} ) (?P=quote) )"""
_SEP = r"""(?: [ \t]+ | ["'] ,? [ \t]* ["'] )"""
"""Between two words of a command line, or of the list that holds them."""
_NO_PLACEHOLDER = r"(?! (?: \{[^{}\s]*\} | %s | \$\{?\w+\}? | \*+ | \.\.\. | <\w+> ) @ )"
_WORD = r"""[^\s"',\]]"""


def _is_password(secret: str) -> bool:
    """Whether this is more than a word that stands for a password: documentation says `pass:secret`."""
    return not is_plain_word(secret)


def _is_login(secret: str) -> bool:
    """Whether `user:password` of an address is more than an example; a long user name is a token."""
    user, colon, password = secret.partition(":")
    return not colon or len(user) >= _LONG_USER or _is_password(password)


def _in_line(
    kind: str,
    hints: str,
    expression: str,
    *examples: str,
    innocent: str,
    flags: re.RegexFlag = re.NOFLAG,
    is_secret: Callable[[str], bool] = _is_password,
) -> Shape:
    """Make a row; `hints` are separated by blanks, and `+` in one stands for a blank."""
    return shape(
        kind, hints, expression, *examples, innocent=innocent, flags=flags, begins=False, is_secret=is_secret
    )


COMMANDS = (
    _in_line("credentials in a URL: a password, or a token as user name", "://",
          rf"""(?: (?<=[A-Za-z0-9]) | (?<=\+) ) ://
               (?P<secret> [^\s/@:'"<>]*: {_NO_PLACEHOLDER} [^\s/'"<>@]+(?:@[^\s/'"<>@]+)*? (?=@[\w.\[{{%$-]) (?!@[^\s/'"<>]*@)
                 | [^\s/@:'"<>]{{{_LONG_USER},}} (?=@) )""",
          "postgres://joe:pw123@host/db", "https://" + "a1B2c3D4" * 4 + "@host", innocent="https://joe@host/path", is_secret=_is_login),
    _in_line("credentials in a URL whose password holds a slash or a quote", "://",
          rf"""(?<=[A-Za-z0-9]) :// (?P<secret> [\w.%+-]+: {_NO_PLACEHOLDER} (?!\d+/) [^\s@"'<>/{{}}$]+/[^\s@"'<>{{}}]* )
               (?=@[\w.-]+(?::\d+)?(?:/|$|["'\s]))""",
          "postgres://joe:p/w@host/db", innocent="http://host:80/a@b.c/d", is_secret=_is_login),
    _in_line("data source name of Go and of Oracle", "@tcp( @unix(",
          r"""(?<![\w:]) [\w.-]+ : (?P<secret> [^\s"'@]{1,80} ) @ (?:tcp|unix)\(""",
          "joe:pw123@tcp(host:3306)/db", innocent="@tcp(x)"),
    _in_line("Oracle", "jdbc:oracle sqlplus", r"(?: jdbc:oracle:thin: | sqlplus[ ](?:-\w+[ ])* ) [\w$]+ / (?P<secret> [^\s@/\"']{2,80} ) (?=@)",
          "jdbc:oracle:thin:scott/tiger1@//host", innocent="sqlplus a/b"),
    _in_line("bearer token", "Bearer bearer BEARER", r"\b(?:[Bb]earer|BEARER) (?:[ \t]+|%20|:[ ]?) (?P<secret> (?=[A-Za-z._~+/=-]*\d)[\w.~+/=-]{8,} )",
          "Bearer " + "a1b2c3d4e5", innocent="the bearer of responsibilities"),
    _in_line("user and password of curl, wget, httpie, smbclient", "+-u+ -u' -u\" +-U+ +-a+ --user --auth --proxy-user --cred",
          rf"""(?<![\w-]) (?: -u | -U | -a | --user | --proxy-user | --auth | --userpwd | --creds | --credentials ) (?: = | {_SEP} )
               ["']? (?! \d+:\d+ (?: \s|["'] ) ) [\w.@+\\-]+ [:%] (?![:/\\])
               (?P<secret> (?! \$ | <|\{{ ) {_WORD}{{2,}} )""",
          "curl -u joe:pw123 https://x", "['-u', 'joe:pw123']", innocent="docker run -u 1000:1000 x"),
    _in_line("password of a client program", "+-p -p' -p\" +-P+ +-w+ +-a+ +-pass",
          rf"""\b (?: sshpass | mysql(?:dump|admin|import|show|slap|check)? | mariadb(?:-dump|-admin)? | mongo(?:sh|dump|restore|export|import)?
                 | docker["',\s]+login | podman["',\s]+login | helm["',\s]+registry["',\s]+login | oc["',\s]+login | az["',\s]+login | cf["',\s]+login
                 | redis-cli | ldapsearch | ldapadd | ldapmodify | zip | unzip | 7z["',\s]+[ax] | ansible-vault | rabbitmqadmin | isql | sqlcmd | bcp
                 | docker-login | skopeo["',\s]+login | buildah["',\s]+login | nexus | influx | cqlsh | vsql | clickhouse-client | net["',\s]+use )
               \b (?: [^\n]{{0,300}}? [\s"'] )?? (?: -p | -P | -w | -a ) (?: {_SEP} | = )? ["']?
               (?P<secret> (?! - | \d{{1,5}}\b | /|rotocol|lugin | ort\b | \$|<|\{{ ) {_WORD}{{3,}} )""",
          "sshpass -p pw123x ssh host", "mysql -u root -pSecret99 db", "['docker', 'login', '-u', 'joe', '-p', 'pw123']",
          innocent="mysql -P 3306"),
    _in_line("password of openssl and gpg", "pass:", r"(?<![\w]) pass: (?P<secret> (?![\s$<{]) [^\s\"']{3,} )",
          "openssl -passin pass:pw123", innocent="pass: 3"),
    _in_line("SQL: identified by", "IDENTIFIED identified Identified", rf"(?i: identified [ ]+ (?: with [ ]+ \w+ [ ]+ )? (?: by | as ) [ ]+ (?:password[ ]+)? ) {_VALUE}",
          "CREATE USER joe IDENTIFIED BY 'pw1'", innocent="identified by name"),
    _in_line("fragment of an address", "_token=", r"[\#?&;] \w{2,20}_token= (?P<secret> [^\s&;\#'\"<>]{4,} )",
          "https://x/#access_token=abcd12", innocent="_token="),
    _in_line("WebSocket, SAS and signed addresses", "Signature= signature= sig= SIG=",
          r"""(?<![A-Za-z0-9]) (?: (?<= [?&] ) | (?! [\w-]{1,30} = [A-Za-z+/_-]{0,80} (?![\w%+/=-]) ) )    # letters alone are code
              (?: (?:X-Amz-|X-Goog-)? Signature | sig ) = (?P<secret> [A-Za-z0-9%+/=_-]{8,} )""",
          "?X-Amz-Signature=deadbeefdeadbeef", innocent="sig=x", flags=re.IGNORECASE),
)  # fmt: skip
