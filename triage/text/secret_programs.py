"""Find secrets in command lines of known programs: `htpasswd -b users.txt joe X`, `['plink', '-pw', 'X']`.

A row of `PROGRAMS` says where a program takes a secret: behind an option, glued to one, or as one of its
arguments by number. A command line is text between blanks, or a list of strings as Python and JSON print it.
"""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from triage.text.mark import Span
from triage.text.pattern import pattern
from triage.text.secret_names import Strength, strength_of
from triage.text.secret_values import is_password_like
from triage.text.vocabulary import Vocabulary
from triage.text.word_finder import any_of


@dataclass(frozen=True)
class Program:
    """Where programs of one family take a secret."""

    names: str
    """Words that begin a command, separated by blanks; `+` stands for a blank within one."""
    options: str = ""
    """Options whose next word is a secret."""
    glued: str = ""
    """Beginnings of words that go on as a secret: `-pX`, `--key=X`."""
    logins: str = ""
    """The same, where the secret stands behind a user or a file and a sign: `-ujoe:X`."""
    argument: int = 0
    """The number of the argument that is a secret, options not counted; 0 for none; or one of those below."""


_LAST = -1
"""The last argument is a secret."""
_IF_NAMED = -2
"""The last argument is one if the argument before it is a name that says secret."""


PROGRAMS = (
    Program("mysql mysqldump mysqladmin mysqlimport mariadb mariadb-dump mariadb-admin", glued="-p"),
    Program("sshpass", "-p", "-p"),
    Program("plink pscp psftp putty", "-pw"),
    Program("curl", "--oauth2-bearer --pass --proxy-pass --tlspassword", logins="-u -U --cert -E --user --proxy-user"),
    Program("ssh-keygen ssh-add", "-N -P"),
    Program("openssl", "-k -K -hmac -passin -passout -pass -psk", "hexkey: key: pass:"),
    Program("keytool jarsigner apksigner", "-storepass -keypass -srcstorepass -deststorepass -srckeypass -destkeypass -new"),
    Program("htpasswd htdigest", argument=_LAST),
    Program("zip unzip zipcloak", "-P", "-P"),
    Program("7z 7za 7zr rar unrar", "", "-p -hp"),
    Program("redis-cli valkey-cli", "-a --pass"),
    Program("ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami", "-w -s -a", "-w"),
    Program("mc+alias+set mc+config+host+add", argument=4),
    Program("rabbitmqctl+add_user rabbitmqctl+change_password rabbitmqctl+authenticate_user", argument=2),
    Program("net+user", argument=2),
    Program("net+use", argument=3),
    Program("vault+login cargo+login gh+auth heroku+authorizations consul+login doppler+login", argument=1),
    Program("wpa_passphrase", argument=2),
    Program("lftp ncftp sftp", "-p", logins="-u"),
    Program("smbclient rpcclient winexe smbget smbmap", "-p", logins="-U --user"),
    Program("xfreerdp wfreerdp rdesktop", "-p", "/p: -p"),
    Program("evil-winrm crackmapexec netexec psexec", "-p"),
    Program("snmpget snmpwalk snmpset snmpbulkwalk", "-A -X -c"),
    Program("twine poetry+publish flit hatch+publish uv+publish", "-p"),
    Program("poetry+config", argument=3),
    Program("mongo mongosh mongodump mongorestore", "-p", "-p"),
    Program("sqlcmd bcp isql osql", "-P", "-P"),
    Program("cqlsh influx clickhouse-client vsql impala-shell", "-p -w"),
    Program("security+unlock-keychain security+set-keychain-settings security+create-keychain", "-p"),
    Program("security+add-generic-password security+add-internet-password", "-w"),
    Program("aws+configure+set npm+config+set pip+config+set git+config yarn+config+set", argument=_IF_NAMED),
    Program("useradd usermod", "-p"),
    Program("etcdctl", logins="--user"),
    Program("http https xh", "-a --auth", logins="-a --auth"),
    Program("wget aria2c", "--password --http-password --ftp-password --proxy-password"),
    Program("borg restic duplicity", "--passphrase --password"),
    Program("docker+login podman+login helm+registry+login oc+login az+login cf+login skopeo+login buildah+login", "-p"),
    Program("cryptsetup veracrypt", "-p --password"),
    Program("pdftk qpdf", "user_pw owner_pw input_pw"),
    Program("gh+secret+set", "--body -b"),
    Program("setx setenv", argument=_IF_NAMED),
    Program("svn hg", "--password"),
)  # fmt: skip
_SEPARATOR = r"""(?: [ \t]+ | \\{0,3}["'] ,? [ \t]* \\{0,3}["'] )"""
_BLANKS = " \t"
_OF_NAME = {name.replace("+", " "): program for program in PROGRAMS for name in program.names.split()}
_START = pattern(
    rf"""(?<! [\w.-] ) (?P<name> {any_of(name.replace(" ", "§") for name in _OF_NAME).replace("§", _SEPARATOR)} )
         (?: \.exe )? (?= {_SEPARATOR} )""",
    matches=["plink -pw x", "['plink', '-pw']", "docker login -u", "['docker', 'login', '-p', 'x']"],
    rejects=["plinking -x", "deplink x"],
)
"""Where a command begins."""
_LETTERS = r"""(?: [^\s"'`|;<>()\\\],] | , (?= [^\s"'\\] ) ){1,400}"""
_WORD = pattern(
    rf"""
    {_SEPARATOR}
    (?: \\*(?P<quote> ["'] ) (?P<quoted> [^"'\n\\]{{0,200}} ) \\* (?P=quote)
      | (?P<bare> {_LETTERS} (?: \\*["'] (?= [^\s,\])|] ) {_LETTERS} (?: \\*["'] (?= \s ) )? )? ) )
    """,
    matches=[" -pw", " 'a b'", "', '-p"],
    rejects=["|"],
    how="match",
)
"""The next word of a command line; it ends at a pipe, a bracket, or the end of the line."""
_PROGRAM_WORDS = frozenset(re.split("[^A-Za-z0-9]", name)[0].encode() for name in _OF_NAME)
"""First words of the programs' names: a text without any of them holds no such command."""
_BEHIND_FIRST_WORD = (*_BLANKS, '"', "'", "\\", "-", "_", ".")
"""What may follow such a word: the end of the name, the rest of it, or `.exe`. Of `https` most often a colon
follows: the expression for all names takes longer to compile than a short command to answer."""
_LOGIN = re.compile(r"[^\s:%,]{1,100}[:%,](?P<secret>[^\s:].*)")
_MOST_WORDS = 60
_MIN_WORD = 8
"""Letters of a password without digits; a shorter word is a sub-command or a name."""
_MIN_ARGUMENT = 6
"""Characters of a secret that no option announces."""


def program_spans(text: str, vocabulary: Vocabulary) -> Iterator[Span]:
    """Yield secrets in command lines of known programs."""
    words = vocabulary.words & _PROGRAM_WORDS
    if not words or not _may_begin_command(text, words):
        return
    for start in _START.finditer(text):
        name = " ".join(re.split(r"""[\s"',\\]+""", start["name"]))
        is_list = text[start.end()] not in _BLANKS
        yield from _secrets(_OF_NAME[name], list(_words(text, start.end(), is_list=is_list)))


def _may_begin_command(text: str, words: Iterable[bytes]) -> bool:
    """Whether one of the words, as it stands in the text, may be the first of a program's name."""
    return any(word.decode() + sign in text for word in words for sign in _BEHIND_FIRST_WORD)


@dataclass(frozen=True)
class _Word:
    """A word of a command line, and where it stands."""

    text: str
    start: int


def _words(text: str, position: int, *, is_list: bool) -> Iterator[_Word]:
    """Yield the words behind a program's name.

    In a list of strings a quote, comma and quote stand between two words; in a text they end the string that
    holds the command, and what follows is another one (`{"detail": "htpasswd -b f joe X", "id": 5}`).
    """
    for _ in range(_MOST_WORDS):
        word = _WORD.match(text, position)
        if word is None or (not is_list and text[position] not in _BLANKS):
            return
        group = "bare" if word["quoted"] is None else "quoted"
        position = word.end()
        bare = word[group].lstrip("'\"")
        yield _Word(bare.rstrip("'\"\\"), word.end(group) - len(bare))


def _secrets(program: Program, words: list[_Word]) -> Iterator[Span]:
    """Yield what the words of one command line give away."""
    options = program.options.split()
    arguments = []
    is_value = False
    for word, following in zip_longest(words, words[1:]):
        if is_value:
            is_value = False
        elif following is not None and word.text in options:
            is_value = True
            yield from _accepted(following.text, following.start)
        elif following is not None and _is_login_option(program, word.text):
            is_value = True
            yield from _of_login(following.text, following.start)
        else:
            yield from _glued(program, word)
            if not word.text.startswith(("-", "/")):
                arguments.append(word)
    yield from _of_arguments(program, arguments)


def _is_login_option(program: Program, word: str) -> bool:
    """Whether the next word is a login: behind `-u`, and behind flags in one word that ends so (`-sSu`)."""
    logins = program.logins.split()
    if word in logins:
        return True
    is_cluster = re.fullmatch(r"-[A-Za-z]{2,6}", word) is not None
    return is_cluster and f"-{word[-1]}" in logins


def _glued(program: Program, word: _Word) -> Iterator[Span]:
    """Yield what goes on behind an option in the same word."""
    for beginnings, read in ((program.glued, _accepted), (program.logins, _of_login)):
        for beginning in beginnings.split():
            if word.text.startswith(beginning):
                rest = word.text[len(beginning) :].lstrip("=\\'\"")
                yield from read(rest, word.start + len(word.text) - len(rest))
                return


def _of_arguments(program: Program, arguments: list[_Word]) -> Iterator[Span]:
    """Yield the argument that is a secret by its number."""
    number = program.argument
    if number == 0 or len(arguments) < abs(number):
        return
    if number == _IF_NAMED and strength_of(arguments[-2].text) is Strength.NONE:
        return
    word = arguments[-1] if number < 0 else arguments[number - 1]
    if len(word.text) >= _MIN_ARGUMENT:
        yield from _accepted(word.text, word.start)


def _of_login(text: str, start: int) -> Iterator[Span]:
    login = _LOGIN.fullmatch(text)
    if login is not None:
        yield from _accepted(login["secret"], start + login.start("secret"))


def _accepted(text: str, start: int) -> Iterator[Span]:
    """Yield a word, if it may be a secret."""
    if text.startswith("pass:"):
        text, start = text[len("pass:") :], start + len("pass:")
    is_mixed_word = text.isalpha() and len(text) >= _MIN_WORD and not _is_one_case(text)
    if not text.startswith("-") and (is_mixed_word or is_password_like(text)):
        yield Span(start, start + len(text))


def _is_one_case(text: str) -> bool:
    return text.islower() or text.isupper() or text.istitle()
