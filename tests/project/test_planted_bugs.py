"""The bugs that `python -m benchmarks clustering --projects` plants: each kind edits what it says."""

from __future__ import annotations

import pytest

from benchmarks.projects.catalogue import Half, Mutant, Project, mutants_of, projects
from benchmarks.projects.operators import OPERATORS, Source, edits_of
from benchmarks.projects.sources import plant
from benchmarks.projects.suites import SuiteRun, labels

MODULE = """\
class Box:
    def __init__(self, side=3, unit="cm", name=None):
        self.side = side
        self.unit = unit

    def volume(self, rows, other):
        from shop import price
        grid = list(rows)
        try:
            if self.side < 4:
                grid[0] = int(rows["net"])
            half = self.side // 2
            open("table.csv").read(half + 1)
        finally:
            self.reset()
        os.environ["HOME"]
        scale(grid, other)
        return "é" + price(self.side)
"""

EDITED = {
    "wrong-default": [],
    "off-by-one": ["if (self.side <= 4):", "grid[1] = int", "read(half + 2)"],
    "renamed-key": ["rows['net_name']", "os.environ['HOME_name']"],
    "swapped-arguments": ["scale(other, grid)"],
    "lost-return": ['("é" + price(self.side))'],
    "changed-type": ["grid = tuple(rows)", 'float(rows["net"])', "half = (self.side / 2)"],
    "missing-attribute": [],
    "missing-name": ["_list_impl(rows)", "_int_impl(", "_open_impl(", "_scale_impl(", "_price_impl("],
    "renamed-method": ["read_value(half", "reset_value()"],
    "import-error": ["import price_impl as price"],
    "missing-file": ["open('table.csv.bak')"],
    "missing-variable": ["os.environ['UNSET_VARIABLE']"],
    "leaked-state": ["grid = (rows)", "finally:\n            pass"],
    "wrong-condition": ["if (not (self.side < 4)):"],
    "wrong-constant": ["'table.csv '", "'é '"],
}


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_each_kind_edits_what_it_says(operator):
    source = Source(MODULE)
    edited = [source.edited(edit) for edit in edits_of(source, "Box.volume", operator)]
    for piece in EDITED[operator]:
        assert [text for text in edited if piece in text], piece
    assert all(text != MODULE for text in edited)


def test_defaults_and_attributes_are_those_of_the_constructor():
    source = Source(MODULE)
    defaults = [source.edited(edit) for edit in edits_of(source, "Box.__init__", "wrong-default")]
    assert [text.splitlines()[1] for text in defaults] == [
        '    def __init__(self, side=4, unit="cm", name=None):',
        "    def __init__(self, side=3, unit='cm ', name=None):",
        '    def __init__(self, side=3, unit="cm", name=0):',
    ]
    (first, _) = (source.edited(edit) for edit in edits_of(source, "Box.__init__", "missing-attribute"))
    assert first.splitlines()[2] == "        side = side"


def test_a_bug_is_made_only_where_it_was_chosen_for(tmp_path):
    (tmp_path / "box.py").write_text(MODULE, encoding="utf-8")
    mutant = Mutant(
        project="p",
        version="1",
        file="box.py",
        function="Box.volume",
        line=18,
        operator="lost-return",
        seed=0,
    )
    with pytest.raises(LookupError, match="line 18"):
        plant(mutant.model_copy(update={"line": 3}), tmp_path)
    plant(mutant, tmp_path)
    assert "return" not in (tmp_path / "box.py").read_text(encoding="utf-8")


def test_a_test_has_a_label_where_one_bug_alone_turns_it_red():
    alone = {"one": SuiteRun(red=("a", "b", "c"), green=()), "two": SuiteRun(red=("b", "d"), green=())}
    assert labels(alone, SuiteRun(red=("c",), green=())) == {"a": "one", "d": "two"}


def test_the_half_follows_from_the_name_alone():
    assert Project(name="toolz", version="1", package=".", tests=("t",)).half is Half.LOOK
    assert Project(name="toolz", version="2", package=".", tests=("u",)).half is Half.LOOK
    assert {project.half for project in projects()} == set(Half)


def test_the_bugs_of_a_project_are_of_different_kinds_in_different_functions():
    for project in projects():
        found = mutants_of(project)
        assert len(found) in (0, 3, 4), project.name
        assert len({mutant.function for mutant in found}) == len(found)
        assert len({mutant.operator for mutant in found}) == len(found)
