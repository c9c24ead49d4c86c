"""A failure has one signature wherever its checkout lies, whether its root is known or has to be guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.formats.longrepr import parse_longrepr
from triage.model.failure import Captured, Failure, Frame, Raised, beneath, origin_of
from triage.model.outcome import Phase
from triage.signature.api import signatures_of, title_of
from triage.signature.checkout import ROOT, in_any_checkout

ROOTS = [
    "/tmp/checkout", "/tmp/a/b/checkout", "/home/ada/shop", "/home/runner/work/shop/shop", "/ci/team/shop",
    "/srv/my projects/the shop", "/home/ada/shop.v2", "/home/ådå/jabłko", "/root/project", "/w",
    "/private/var/x/shop", "/tmp/pytest-of-ada/pytest-3/test_x0/shop",
    "/var/folders/zz/k3/T/tmpab12cd_x/shop", "/opt/site/lib/python3/shop", "C:/Users/ada lovelace/shop",
    "D:/a/shop/shop",
]  # fmt: skip
LONG = """    def test_price():
>       assert load("{file}") == 3

tests/test_price.py:8: in test_price
shop/price.py:21: in load
    raise PriceError(f"cannot read {{path}} below {{root}}")
E   shop.errors.PriceError: cannot read {quoted_file} below {quoted_root}

shop/price.py:21: PriceError"""
NATIVE = """Traceback (most recent call last):
  File "{root}/tests/test_price.py", line 8, in test_price
    assert load(path) == 3
  File "{root}/shop/price.py", line 21, in load
    return parse(read(path))
  File "{root}/.venv/lib/python3.11/site-packages/reader/core.py", line 3, in read
    raise FileNotFoundError(2, "No such file or directory", path)
FileNotFoundError: [Errno 2] No such file or directory: '{file}'
"""


def as_local(text: str, root: str) -> Failure:
    """As triage's own recorder has it: it knows the root."""
    failure = as_imported(text, root)
    return failure.model_copy(update={"roots": (root,), "chain": tuple(map(relative(root), failure.chain))})


def relative(root: str):  # type: ignore[no-untyped-def]  # a function of a `Raised`
    def of(raised: Raised) -> Raised:
        frames = tuple(
            frame.model_copy(
                update={"path": beneath(frame.path, root), "origin": origin_of(frame.path, root)}
            )
            for frame in raised.frames
        )
        return raised.model_copy(update={"frames": frames})

    return of


def as_imported(text: str, root: str) -> Failure:
    """As another machine's report has it."""
    chain = parse_longrepr(text, test_file="tests/test_price.py")
    return Failure(nodeid="tests/test_price.py::test_price", phase=Phase.CALL, chain=chain, longrepr=text)


def shown_in(root: str, text: str) -> str:
    if ":" in root:
        windows = root.replace("/", "\\")
        file = f"{windows}\\data\\prices.csv"
        return text.format(
            root=windows, file=file, quoted_file=f"'{file}'", quoted_root=f"'{windows}'"
        ).replace("/price.py", "\\price.py")
    file = f"{root}/data/prices.csv"
    return text.format(root=root, file=file, quoted_file=f"'{file}'", quoted_root=f"'{root}'")


@pytest.mark.parametrize("text", [LONG, NATIVE], ids=["long", "native"])
@pytest.mark.parametrize("root", ROOTS)
def test_the_place_of_a_checkout_changes_no_signature(root: str, text: str) -> None:
    due = signatures_of(as_local(shown_in("/home/ada/shop", text), "/home/ada/shop"))[0]
    found = signatures_of(as_local(shown_in(root, text), root))[0]
    assert found.fields == due.fields
    assert found.id == due.id
    if text is NATIVE:  # it names the test's own file, by which an importer finds the root
        imported = signatures_of(as_imported(shown_in(root, text), root))[0]
        assert imported.fields == due.fields


FOLDER = (
    st.text("abcXYZ019 ._-é", min_size=1, max_size=12).map(str.strip).filter(lambda name: name.strip(". "))
)


@settings(max_examples=80, deadline=None)
@given(st.lists(FOLDER, min_size=1, max_size=5))
def test_any_folder_will_do(folders: list[str]) -> None:
    root = "/" + "/".join(folders)
    for text in (LONG, NATIVE):
        due = signatures_of(as_local(shown_in("/home/ada/shop", text), "/home/ada/shop"))[0]
        assert signatures_of(as_local(shown_in(root, text), root))[0].fields == due.fields


@pytest.mark.parametrize("root", ROOTS)
def test_a_title_shows_the_path_below_the_root(root: str) -> None:
    title = title_of(as_local(shown_in(root, LONG), root))
    assert title == "shop.errors.PriceError: cannot read 'data/prices.csv' below '.'"


def test_a_symbolic_link_to_the_checkout_is_the_checkout() -> None:
    failures = []
    for shown in ("/home/ada/shop", "/mnt/big/ada/shop"):
        failure = as_local(shown_in(shown, LONG), shown)
        failures.append(failure.model_copy(update={"roots": ("/home/ada/shop", "/mnt/big/ada/shop")}))
    one, other = (signatures_of(failure)[0] for failure in failures)
    assert one.id == other.id


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("in /w/my shop/a.py", f"in {ROOT}/a.py"),
        ("in file:///w/my%20shop/a.py", f"in file://{ROOT}/a.py"),
        (r"in /w/my\ shop/a.py", f"in {ROOT}/a.py"),
        ("cd /w/my shop.", f"cd {ROOT}."),
        ("in /x/w/my shop/a.py", "in /x/w/my shop/a.py"),
        ("in /w/my shop-2/a.py and /w/my shop.old", "in /w/my shop-2/a.py and /w/my shop.old"),
    ],
)
def test_spellings_of_a_root(text: str, shown: str) -> None:
    failure = Failure(
        nodeid="t.py::a",
        phase=Phase.CALL,
        chain=(Raised(type="E", message=text, notes=(text,)),),
        longrepr=text,
        captured=Captured(stdout=text, stderr=text, log=text),
        roots=("/w/my shop",),
    )
    found = in_any_checkout(failure)
    texts = (found.message, found.longrepr, *found.chain[0].notes, *found.captured.model_dump().values())
    assert set(texts) == {shown}


def test_libraries_are_known_in_every_environment() -> None:
    def failing(site: str) -> str:
        frames = (
            Frame(path="tests/test_a.py", lineno=3, function="test_a", code="read()", origin="test"),
            Frame(
                path=f"{site}/reader/core.py",
                lineno=3,
                function="read",
                code="raise",
                origin=origin_of(site + "/x.py", "/w"),
            ),
        )
        message = f"cannot load the plugin {site}/reader/plugins/base.cfg"
        raised = Raised(type="PluginError", message=message, frames=frames)
        return signatures_of(Failure(nodeid="tests/test_a.py::test_a", phase=Phase.CALL, chain=(raised,)))[
            0
        ].id

    sites = (
        "/usr/lib/python3/dist-packages", "/home/ada/.venv/lib/python3.11/site-packages",
        "/tmp/tox/py312/lib/python3.12/site-packages",
        "/opt/hostedtoolcache/Python/3.13.1/x64/lib/python3.13/site-packages",
        "/w/.venv/lib/python3.10/site-packages",
    )  # fmt: skip
    assert len({failing(site) for site in sites}) == 1
