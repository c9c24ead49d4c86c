"""What a project requires of one package, in the forms in which it is written down."""

from __future__ import annotations

import pytest

from triage.probe.edits.requirements import admitting, are_versions, exactly, with_specifiers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tabulate>=0.8\n", "tabulate>=0.8,<0.9.0\n"),
        ("tabulate\n", "tabulate<0.9.0\n"),
        ("Tabulate[wide] >=0.7, !=0.8.1 ; python_version < '4'\n", None),
        ('dependencies = [\n    "tabulate>=0.8",\n    "tabulate-extra",\n]\n', None),
        ("    tabulate ~= 0.8  # tables\n", None),
        ("tabulate==0.9.0\n", "tabulate==0.8.9\n"),
    ],
)
def test_a_bound_forbids_the_newer_version_that_fails(text, expected):
    found = with_specifiers(text, "tabulate", admitting("0.8.9", "0.9.0"))
    if expected is None:
        assert found.count("<0.9.0") == 1
        assert found.replace(",<0.9.0", "").replace(", <0.9.0", "") == text
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my_lib\n", "my_lib>=2.0\n"),
        ("my-lib>=1.0,<3\n", "my-lib>=2.0,<3\n"),
        ("my.lib~=1.2\n", "my.lib>=2.0\n"),
    ],
)
def test_a_requirement_is_raised_above_the_older_version_that_fails(text, expected):
    assert with_specifiers(text, "my-lib", admitting("2.0", "1.4")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[tool.poetry.dependencies]\nfx-rates = "^2.0"\n', '"<2.0.0"'),
        ("[packages]\nfx_rates = '*'\n", "'<2.0.0'"),
        ('[tool.poetry.dependencies]\nfx-rates = {version = ">=1.0", extras = ["a"]}\n', '">=1.0,<2.0.0"'),
        ('[tool.poetry.dependencies]\nfx-rates = "<1.9"\n', None),
        ('[project]\nfx-rates = "^2.0"\n', None),
        ('[tool.poetry.dependencies]\nfx-rates-more = "^2.0"\n', None),
    ],
)
def test_poetry_and_pipenv_write_names_apart_from_versions(text, expected):
    found = with_specifiers(text, "fx-rates", admitting("1.4.0", "2.0.0"))
    if expected is None:
        assert found is None
    else:
        assert expected in found
        assert found.splitlines()[0] == text.splitlines()[0]


@pytest.mark.parametrize(
    "text",
    [
        'dependencies = ["fxrates>=1.0"]\n',
        "[options]\ninstall_requires =\n    fxrates >= 1.0\n",
        'setup(install_requires=["fxrates>=1.0"])\n',
        "fxrates>=1.0  # for money\n",
    ],
    ids=["pyproject", "setup.cfg", "setup.py", "requirements"],
)
def test_each_kind_of_file_that_requires_it_gets_the_bound(text):
    found = with_specifiers(text, "fxrates", admitting("1.4.0", "2.0.0"))
    assert "1.0,<2.0.0" in found.replace(" ", "")


def test_one_version_and_no_other():
    assert with_specifiers("a\nb>=1  # why\n", "b", exactly("1.2")) == "a\nb==1.2  # why\n"


@pytest.mark.parametrize(
    "text", ["tabulate<0.9\n", "# tabulate\n", "tabulate @ https://x/y.whl\n", "x = tabulate_of(1)\n", ""]
)
def test_what_forbids_it_already_or_names_something_else_stays(text):
    assert with_specifiers(text, "tabulate", admitting("0.8.9", "0.9.0")) is None


def test_versions_are_told_from_other_words():
    assert are_versions("1.2", "2.0rc1")
    assert not are_versions("1.2", "latest")
