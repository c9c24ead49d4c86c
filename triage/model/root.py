"""Guess the root of a project from texts that quote absolute paths, as logs of another machine do."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from triage.text.hints import holds_any
from triage.text.pattern import pattern

_SEPARATOR = re.compile(r"[\\/]")
_LOOKED_AT = 40_000
"""Characters of a text in which the root is looked for."""

_WORKSPACE = pattern(
    r"""
    (?<![\w.])
    (?:
      /home/runner/work/(?P<github>[^/\s'"]+)/(?P=github)    # GitHub, Gitea, Forgejo
    | /__w/(?P<container>[^/\s'"]+)/(?P=container)           # the same in a container
    | [A-Za-z]:[\\/]{1,2}a[\\/]{1,2}(?P<windows>[^\\/\s'"]+)[\\/]{1,2}(?P=windows)
    | /github/workspace
    | (?:/home/vsts/work|/__w|[A-Za-z]:[\\/]{1,2}a)[\\/]{1,2}\d+[\\/]{1,2}s   # Azure Pipelines
    | /(?:home/circleci|root)/project
    | /home/travis/build/[^/\s'"]+/[^/\s'"]+
    | /var/(?:lib/jenkins|jenkins_home)/workspace/[^/\s'"]+
    | /bitbucket/pipelines/agent/build
    | /drone/src
    )
    (?=[\\/])
    """,
    matches=[
        "/home/runner/work/shop/shop/shop/cart.py:3",
        "D:\\a\\shop\\shop\\tests\\test_a.py",
        "/__w/1/s/tests/test_a.py",
        "/var/lib/jenkins/workspace/shop-nightly/a.py",
    ],
    rejects=["/home/runner/work/shop/other/cart.py", "/home/ada/shop/cart.py", "a/github/workspace/x"],
)
"""Where CI systems check a project out."""
_WORKSPACE_HINTS = (
    "/runner/work/", "/__w/", ":\\a\\", ":\\\\a", ":/a/", "/github/workspace", "/vsts/work", "/project",
    "/travis/build", "/workspace/", "/pipelines/agent", "/drone/src",
)  # fmt: skip
"""Every workspace holds one of these, which `in` finds many times faster."""


def guess_root(text: str, file: str) -> str | None:
    """The absolute folder under which the text shows this relative file.

    With forward slashes; a path of Windows keeps its drive.
    """
    text = text[:_LOOKED_AT]
    if not file or file.startswith(("/", "<")) or not _may_be_absolute(file, text):
        return None
    for expression in _shown_under_root(file):
        found = expression.search(text)
        if found is not None:
            return posix_root(found["root"])
    return None


def workspace_in(text: str) -> str | None:
    """The folder of a CI system's checkout, where the text shows a path below one."""
    text = text[:_LOOKED_AT]
    if not holds_any(text, _WORKSPACE_HINTS):
        return None
    workspace = _WORKSPACE.search(text)
    return posix_root(workspace[0]) if workspace else None


def posix_root(root: str) -> str:
    """The root with single forward slashes and none at its end."""
    return re.sub(r"[\\/]+", "/", root).rstrip("/")


def _may_be_absolute(file: str, text: str) -> bool:
    """Whether the text may show the file below another folder, which `in` tells many times faster."""
    words = _words_of_path(file)
    return words.name in text and (words.posix_start in text or words.windows_start in text)


class _WordsOfPath(NamedTuple):
    """What stands in any text that shows a relative file with its absolute path."""

    name: str
    posix_start: str
    windows_start: str


@lru_cache(maxsize=4096)
def _words_of_path(file: str) -> _WordsOfPath:
    first, *_ = _SEPARATOR.split(file, maxsplit=1)
    return _WordsOfPath(file.rpartition("/")[2], f"/{first}", f"\\{first}")


@lru_cache(maxsize=1024)
def _shown_under_root(file: str) -> tuple[re.Pattern[str], ...]:
    """How texts show a file of the project with its absolute path, surest first."""
    start = r"(?:[A-Za-z]:)?[\\/]"
    separator = r"[\\/]{1,2}"
    own = separator + separator.join(re.escape(part) for part in _SEPARATOR.split(file))
    return (
        # in quotation marks and at the beginning of a line a path may hold blanks
        re.compile(rf"""(?<=["'])(?P<root>{start}[^\n:"']{{0,1000}}?){own}(?=["'])"""),
        re.compile(rf"^(?P<root>{start}[^\n:\"']{{0,1000}}?){own}(?=:\d)", re.MULTILINE),
        re.compile(rf"""(?<![\w.])(?P<root>{start}[^\s:"']{{0,1000}}?){own}(?=["']|:\d)"""),
    )
