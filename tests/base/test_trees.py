"""Which files are tests, and the copies of the base with and without them."""

from __future__ import annotations

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.base.subjects import Subject
from triage.base.test_files import TestFileRule, same_for_tests
from triage.base.trees import BaseTrees, moved
from triage.process.git import Repository
from triage.process.scratch import Scratch


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/unit/test_a.py", True),
        ("tests/data/golden.json", True),
        ("tests/helpers.py", True),
        ("pkg/test_inside.py", True),
        ("pkg/product.py", False),
        ("conftest.py", True),
        ("pkg/conftest.py", True),
        ("pytest.ini", True),
        ("django/test/client.py", False),  # a product: no collected test lies below it
        ("contest/a.py", False),
        ("tests/__pycache__/helpers.pyc", False),
    ],
)
def test_which_files_belong_to_tests(path, is_test):
    assert TestFileRule({"tests/unit/test_a.py", "pkg/test_inside.py"})(path) is is_test


def test_of_a_projects_configuration_only_the_part_of_pytest_counts(tmp_path):
    one, other = tmp_path / "one" / "pyproject.toml", tmp_path / "other" / "pyproject.toml"
    one.parent.mkdir()
    other.parent.mkdir()
    one.write_text('[project]\nversion = "1"\n[tool.pytest.ini_options]\nxfail_strict = true\n')
    other.write_text('[project]\nversion = "2"\n[tool.pytest.ini_options]\nxfail_strict = true\n')
    assert same_for_tests(one, other)
    other.write_text('[project]\nversion = "2"\n')
    assert not same_for_tests(one, other)
    other.write_text("[no toml")
    assert not same_for_tests(one, other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/r/app/src:/r/lib:/x", "/b/app/src:/b/lib:/x"),
        ("/r", "/b"),
        ("/rest/of/r", "/rest/of/r"),
        ("/r/.venv/lib", "/r/.venv/lib"),
        ("-c", "-c"),
    ],
)
def test_settings_that_name_the_checkout_are_turned(text, expected):
    assert moved(text, {"/r/app": "/b/app", "/r": "/b"}) == expected


@pytest.fixture
def made(tmp_path):
    repository = SmallRepository(tmp_path / "r")
    repository.base = repository.commit(
        "base",
        product_DOT_py="VALUE = 1\n",
        tests__conftest_DOT_py="OLD = 1\n",
        tests__test_a_DOT_py="# a\n",
        tests__test_b_DOT_py="# b\n",
        _DOT_gitignore="_version.py\n",
    )
    repository.write(product_DOT_py="VALUE = 2\n", new_product_DOT_py="", _version_DOT_py="V = 1\n")
    (repository.root / "tests" / "test_b.py").unlink()
    repository.write(tests__test_new_DOT_py="# new\n", tests__data__case_DOT_bin="x")
    return repository


@pytest.fixture
def trees(made, tmp_path):
    modules = {"tests/test_a.py", "tests/test_new.py"}
    with Scratch(made.root, tmp_path / "room", carry_only_ignored=True) as scratch:
        yield BaseTrees(scratch, Repository.find(made.root), made.base, modules)


def test_the_heads_tests_lie_over_the_bases_product(trees):
    tree = trees.tree(0, "head")
    assert (tree / "product.py").read_text() == "VALUE = 1\n"
    assert (tree / "tests" / "test_new.py").read_text() == "# new\n"
    assert (tree / "tests" / "data" / "case.bin").exists()
    assert not (tree / "tests" / "test_b.py").exists()


def test_the_base_is_as_it_was_but_for_what_git_ignores(trees):
    tree = trees.tree(0, "base")
    assert (tree / "tests" / "test_b.py").exists()
    assert not (tree / "tests" / "test_new.py").exists()
    assert not (tree / "new_product.py").exists(), "the head's new code is no part of the base"
    assert (tree / "_version.py").exists(), "generated files may be needed"


def test_only_tests_that_the_change_may_have_touched_have_another_form(made, trees, tmp_path):
    def subject(name):
        return Subject(nodeid=f"tests/{name}.py::test", process=(None, None))

    assert trees.has_own_form(subject("test_new"))
    # a file that is no module of tests may be shared by all
    assert trees.has_own_form(subject("test_a"))
    for path in (made.root / "tests" / "data" / "case.bin", made.root / "tests" / "test_new.py"):
        path.unlink()
    made.write(tests__test_new_DOT_py="# new\n", tests__test_b_DOT_py="# b\n")
    with Scratch(made.root, tmp_path / "other", carry_only_ignored=True) as scratch:
        modules = {"tests/test_a.py", "tests/test_b.py", "tests/test_new.py"}
        narrow = BaseTrees(scratch, Repository.find(made.root), made.base, modules)
        assert not narrow.has_own_form(subject("test_a"))
        made.write(tests__test_a_DOT_py="from tests.test_new import x\n")
        assert narrow.has_own_form(subject("test_a"))


def test_a_test_that_was_moved_is_found_where_it_was(made, tmp_path):
    made.write(tests__test_a_DOT_py="", tests__test_new_DOT_py="def test_a():\n    assert 0\n")
    SmallRepository.at(made.root).git("checkout", "-q", "-b", "other")
    made.write(tests__test_a_DOT_py="def test_a():\n    assert 0\n")
    (made.root / "tests" / "test_new.py").unlink()
    base = made.commit("before the move")
    made.write(tests__test_a_DOT_py="", tests__test_new_DOT_py="def test_a():\n    assert 0\n# more\n" * 2)
    with Scratch(made.root, tmp_path / "room", carry_only_ignored=True) as scratch:
        modules = {"tests/test_new.py", "tests/test_a.py"}
        trees = BaseTrees(scratch, Repository.find(made.root), base, modules)
        assert trees.name_in("base", "tests/test_new.py::test_a") == "tests/test_a.py::test_a"
        assert trees.name_in("head", "tests/test_new.py::test_a") == "tests/test_new.py::test_a"


def test_generated_code_is_a_part_of_what_outcomes_are_kept_under(made, trees, tmp_path):
    before = (trees.digest("base"), trees.digest("head"))
    assert before[0] != before[1]
    made.write(_version_DOT_py="V = 'another one'\n")
    with Scratch(made.root, tmp_path / "other", carry_only_ignored=True) as scratch:
        later = BaseTrees(scratch, Repository.find(made.root), made.base, {"tests/test_a.py"})
        assert later.digest("base") != before[0]
