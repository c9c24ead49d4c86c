"""What a function puts back is put back however its work ends."""

from __future__ import annotations

import textwrap

import pytest

from triage.probe.edits.always_restore import restoring_always, restoring_what_it_sets


def edited(source, line):
    text = restoring_always(textwrap.dedent(source), line)
    assert text is not None
    compile(text, "m.py", "exec")
    return text


def test_the_working_directory_is_left_in_a_finally():
    source = """\
        import os

        def values_in(folder):
            before = os.getcwd()
            os.chdir(folder)
            path = find()

            # and back
            os.chdir(before)
            return read(path)
    """
    assert "".join(edited(source, 5)) == textwrap.dedent("""\
        import os

        def values_in(folder):
            before = os.getcwd()
            os.chdir(folder)
            try:
                path = find()
            finally:
                # and back
                os.chdir(before)
            return read(path)
    """)


@pytest.mark.parametrize(
    ("change", "restore"),
    [
        ("LEVEL = 3", "LEVEL = before"),
        ('os.environ["MODE"] = "x"', 'del os.environ["MODE"]'),
        ('os.environ["MODE"] = "x"', 'os.environ.pop("MODE")'),
        ("sys.path.insert(0, here)", "sys.path.remove(here)"),
        ("registry.handlers.append(own)", "registry.handlers.pop()"),
        ("locale.setlocale(locale.LC_ALL, name)", "locale.setlocale(locale.LC_ALL, before)"),
        ("self.depth += 1", "self.depth -= 1"),
    ],
)
def test_what_takes_a_change_back_is_recognised(change, restore):
    text = edited(
        f"def f(self, here, own, before):\n    {change}\n    work()\n    {restore}\n    return 1\n", 2
    )
    assert f"    try:\n        work()\n    finally:\n        {restore}\n    return 1\n" in text


def test_a_restore_in_a_branch_and_a_change_in_a_block():
    source = """\
        def f(before):
            if before != "x":
                os.environ["A"] = "x"
                work()
                if before is None:
                    del os.environ["A"]
                else:
                    os.environ["A"] = before
    """
    text = edited(source, 3)
    assert "        try:\n            work()\n        finally:\n            if before is None:\n" in text


def test_indentation_of_the_file_is_kept_and_no_text_changes():
    source = 'def f(x):\n\tglobal A\n\tA = 1\n\trun("""\nas it\n  is\n""")\n\tA = x\n'
    expected = (
        'def f(x):\n\tglobal A\n\tA = 1\n\ttry:\n\t\trun("""\nas it\n  is\n""")\n\tfinally:\n\t\tA = x\n'
    )
    assert edited(source, 3) == expected


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    os.chdir(a)\n    work()\n",
        "def f():\n    LEVEL = 1\n    LEVEL = before\n",
        "def f():\n    cache.append(1)\n    log.append(2)\n    cache_of(x)\n",
        "def f():\n    print(a)\n    return work()\n",
    ],
)
def test_where_nothing_is_put_back_or_nothing_can_go_wrong_between_nothing_is_moved(source):
    assert restoring_always(source, 2) is None


def restored(source, line):
    text = restoring_what_it_sets(textwrap.dedent(source), line)
    assert text is not None
    compile(text, "m.py", "exec")
    return text


def test_a_folder_that_is_only_entered_is_left_again():
    source = """\
        import os

        def listed(folder):
            os.chdir(folder)
            return find(".")
    """
    assert restored(source, 4) == textwrap.dedent("""\
        import os

        def listed(folder):
            before = os.getcwd()
            os.chdir(folder)
            try:
                return find(".")
            finally:
                os.chdir(before)
    """)


def test_a_variable_that_was_not_set_is_removed_again():
    source = """\
        import os

        def run(level, before=None):
            os.environ["LEVEL"] = level
            call(before)
    """
    text = restored(source, 4)
    space = {}
    exec(text, space)
    space["call"] = lambda before: space.update(seen=space["os"].environ["LEVEL"])
    space["run"]("3")
    assert space["seen"] == "3"
    assert "LEVEL" not in space["os"].environ
    assert "state_before = os.environ.get" in text


@pytest.mark.parametrize(
    ("body", "restore"),
    [("global LEVEL\n    LEVEL = 3\n    work()\n", "LEVEL = before"),
     ("config.LEVEL = 3\n    x = 1\n    work()\n", "config.LEVEL = before")],
)  # fmt: skip
def test_a_name_or_an_attribute_of_a_module_is_put_back(body, restore):
    source = f"import config\nLEVEL = 0\n\ndef f():\n    {body}"
    line = next(number for number, text in enumerate(source.splitlines(), 1) if "= 3" in text)
    assert f"finally:\n        {restore}\n" in restored(source, line)


@pytest.mark.parametrize(
    "source",
    [
        "import os\n\ndef enter(folder):\n    os.chdir(folder)\n",
        "class A:\n    def f(self):\n        self.level = 3\n        work()\n",
        "def f(a):\n    a.level = 3\n    work()\n",
        "import os\nos.chdir('a')\nwork()\n",
    ],
    ids=["a setter", "an object's own", "an argument's", "no function"],
)
def test_nothing_is_put_back_where_setting_is_the_purpose(source):
    for line in range(1, 5):
        assert restoring_what_it_sets(source, line) is None
