"""What an outcome means is said in one place, and mypy finds every place that a new one needs."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triage.model.outcome import Outcome
from triage.model.run import Counts

ROOT = Path(__file__).parents[2]
MEANING = ROOT / "triage" / "model" / "outcome.py"


def test_red_green_ran_finished():
    assert {outcome for outcome in Outcome if outcome.is_red} == {"failed", "error", "crashed", "timeout"}
    assert {outcome for outcome in Outcome if outcome.is_green} == {"passed", "xfailed", "xpassed"}
    assert {outcome for outcome in Outcome if outcome.passes} == {"passed", "xpassed"}
    assert {outcome for outcome in Outcome if outcome.is_flaky} == {"flaky"}
    assert {outcome for outcome in Outcome if not outcome.ran} == {"not_run"}
    assert {outcome for outcome in Outcome if not outcome.finished} == {"not_run", "crashed", "timeout"}


def test_pytest_word_is_the_outcome_itself_where_pytest_reported_it():
    for outcome in Outcome:
        has_the_word = not outcome.is_flaky and (outcome.finished or not outcome.ran)
        assert (outcome.pytest_word == outcome.value) is has_the_word


def test_counts_have_a_field_for_each_outcome():
    assert set(Counts.model_fields) == {outcome.value for outcome in Outcome} | {
        "collected",
        "collect_errors",
    }
    assert Counts.of(Outcome).adds_up


def test_report_has_a_colour_for_each_outcome():
    style = (ROOT / "templates" / "report.html.j2").read_text(encoding="utf-8")
    missing = [outcome.value for outcome in Outcome if f".o-{outcome.value} " not in style]
    assert not missing


def test_no_other_module_keeps_a_set_of_outcomes():
    kept = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "triage").rglob("*.py")
        if path != MEANING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _holds_outcomes(node)
    }
    assert not kept


def _holds_outcomes(node: ast.AST) -> bool:
    """A display of two or more members, or a mapping by them; values that foreign words map to are none."""
    match node:
        case ast.Set(elts=items) | ast.Tuple(elts=items):
            members = [item for item in items if _is_member(item) or _is_word(item)]
        case ast.Dict(keys=keys):
            members = [key for key in keys if _is_member(key)]
        case _:
            return False
    return len(members) >= 2


def _is_member(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Outcome"


def _is_word(node: ast.AST) -> bool:
    """A value that is an outcome's alone: `passed` and `error` name other things too."""
    return isinstance(node, ast.Constant) and node.value in ("xfailed", "xpassed", "crashed", "not_run")


@pytest.mark.slow
def test_mypy_points_at_every_place_that_a_new_outcome_needs(tmp_path):
    """At most three files: its meaning, and how experiments and failures without details tell of it."""
    tree = tmp_path / "triage"
    shutil.copytree(ROOT / "triage", tree, ignore=shutil.ignore_patterns("__pycache__"))
    meaning = tree / "model" / "outcome.py"
    text = meaning.read_text(encoding="utf-8")
    planted = text.replace(
        '    NOT_RUN = "not_run"\n', '    NOT_RUN = "not_run"\n    HELD_BACK = "held_back"\n', 1
    )
    assert planted != text
    meaning.write_text(planted, encoding="utf-8")

    matching = [path for path in tree.rglob("*.py") if "assert_never" in path.read_text(encoding="utf-8")]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--cache-dir",
        tmp_path / "cache",
    ]
    found = subprocess.run(
        [*command, *matching], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )

    pointed_at = set(
        re.findall(r'^(\S+?):\d+: error: .*"Literal\[Outcome\.HELD_BACK\]', found.stdout, re.MULTILINE)
    )
    deciding = {
        path.relative_to(tmp_path).as_posix()
        for path in matching
        if re.search(r"^\s+case Outcome\.", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert pointed_at == deciding, found.stdout + found.stderr
    assert len(deciding) <= 3
