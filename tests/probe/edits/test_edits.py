"""Treatments that are edits: the one thing changes, the layout stays, and the patch applies."""

from __future__ import annotations

import ast
import subprocess
import textwrap

import pytest

from triage.model.failure import Failure, Raised
from triage.probe.edits.autograd import guarded, reconnected
from triage.probe.edits.numbers import changed_numbers
from triage.probe.edits.statements import add_keyword, without_loop, without_statement
from triage.probe.edits.tolerance import comparisons, loosened, with_measured_limit
from triage.text.diff import diff_of

CALLS = """
config = CrystalConfig(
    cell_a=cell_a,
    N_cells=(5, 5, 5),
)
one = lab.CrystalConfig(a=1)
none = CrystalConfig()
hanging = CrystalConfig(a=1,
                        b=2)
bare = CrystalConfig(
    a=1
)
spread = CrystalConfig(**known)
""".lstrip()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (1, "    N_cells=(5, 5, 5),\n    default_F=100.0,\n)"),
        (3, "    N_cells=(5, 5, 5),\n    default_F=100.0,\n)"),
        (5, "CrystalConfig(a=1, default_F=100.0)"),
        (6, "CrystalConfig(default_F=100.0)"),
        (8, "b=2,\n                        default_F=100.0)"),
        (10, "    a=1,\n    default_F=100.0\n)"),
        (12, "CrystalConfig(**known, default_F=100.0)"),
    ],
)
def test_a_keyword_is_added_as_the_others_are_written(line, shown):
    after = add_keyword(CALLS, line, "CrystalConfig", "default_F", 100.0)
    assert shown in after
    assert after.replace("default_F=100.0", "").count("\n") >= CALLS.count("\n")
    ast.parse(after)


def test_a_keyword_that_is_passed_or_a_call_that_is_not_there_is_left_alone():
    assert add_keyword("C(x=1)\n", 1, "C", "x", 2) is None
    assert add_keyword("D(x=1)\n", 1, "C", "y", 2) is None
    assert add_keyword("def broken(:\n", 1, "C", "y", 2) is None


@pytest.mark.parametrize("ending", ["\n", ""])
def test_the_patch_applies_with_git(tmp_path, ending):
    before = f"a = 1\nconfig = C(a=1){ending}"
    after = add_keyword(before, 2, "C", "b", 0.5)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "t.py").write_text(before)
    (tmp_path / "p.patch").write_text(diff_of("pkg/t.py", before, after))
    subprocess.run(["git", "apply", "p.patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "pkg" / "t.py").read_text() == after


@pytest.mark.parametrize(
    ("line", "healed"),
    [
        ("h = (w * 3).detach()", "h = (w * 3)"),
        ("s = a.item() * 2", "s = a * 2"),
        ("y = a.data + b", "y = a + b"),
        ("x = float(a)", "x = a"),
        ("x = torch.from_numpy(np.sin(a.detach().numpy()))", "x = torch.sin(a)"),
        ("v = torch.tensor([a, b])", "v = torch.stack([a, b])"),
        ("r = math.sqrt(a)", "r = torch.sqrt(a)"),
        ("k = x.round()", "k = x"),
    ],
)
def test_what_breaks_the_graph_is_taken_out(line, healed):
    assert healed in [after.strip() for _, after in reconnected(line + "\n", 1, "op")]


def test_no_grad_is_taken_away_as_block_and_as_decorator():
    block = "with torch.no_grad():\n    s = a * a\n"
    assert any("enable_grad" in after for _, after in reconnected(block, 2, "mul"))
    decorated = "@torch.no_grad()\ndef f(a):\n    return a * a\n"
    assert any("no_grad" not in after for _, after in reconnected(decorated, 3, "mul"))


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("n = torch.sqrt(x)", "n = torch.sqrt((x + 1e-12))"),
        ("n = (x * x).sum() ** 0.5", "n = ((x * x).sum() + 1e-12) ** 0.5"),
        ("u = v / n", "u = v / (n + 1e-12)"),
        ("e = torch.exp(x)", "e = torch.exp(x.clamp(max=80.0))"),
        ("l = p.log()", "l = (p + 1e-12).log()"),
    ],
)
def test_singular_points_are_kept_away(line, safe):
    assert safe in [after.strip() for _, after in guarded(line + "\n", 1, "op")]


def test_numbers_of_the_test_are_changed_and_its_demands_are_not():
    source = textwrap.dedent("""
        def test_it():
            x = torch.full((3,), -5.0)
            mask = torch.zeros(3)
            scale = 0.0
            assert x.grad > 0.0
        def helper():
            return 0.0
    """)
    changes = [(change.old, change.new) for change in changed_numbers(source, "t.py::test_it")]
    assert ("0.0", "1.0") in changes
    assert ("-5.0", "5.0") in changes
    assert any(new.endswith("ones") for _, new in changes)
    for change in changed_numbers(source, "t.py::test_it"):
        assert change.line < 6
        assert "assert x.grad > 0.0" in change.after
        ast.parse(change.after)


def test_one_statement_or_one_loop_is_taken_out():
    source = "def f():\n    x = go()\n    while not done:\n        wait(0.1)\n    return x\n"
    assert "x = None" in without_statement(source, 2)
    assert "        pass\n" in without_statement(source, 4)
    assert without_loop(source, 4) == "def f():\n    x = go()\n    pass\n    return x\n"
    assert without_loop(source, 2) is None
    assert without_statement("assert f()\n", 1) is None
    assert without_statement("def broken(:\n", 1) is None


def failed(message):
    return Failure(nodeid="t", phase="call", chain=(Raised(type="AssertionError", message=message),))


@pytest.mark.parametrize(
    ("message", "line", "after"),
    [
        ("assert 2.5e-06 < 1e-06", "assert abs(a - b) < 1e-6", "assert abs(a - b) < 1e-6 * 10"),
        (
            "assert 0.30000000000000004 == 0.3",
            "assert x == 0.3",
            'assert x == __import__("pytest").approx(0.3, rel=1e-09)',
        ),
    ],
)
def test_a_narrow_miss_gets_slack(message, line, after):
    (found,) = comparisons(failed(message), [("t.py", 1)])
    assert found.near(100.0)
    assert loosened(line + "\n", found).strip() == after


@pytest.mark.parametrize(
    ("message", "line", "after"),
    [
        (
            "assert 2.5e-06 < 1e-06",
            "assert abs(a - b) < 1e-6",
            "assert abs(a - b) < 1e-05  # measured 2.5e-06, so the next power of ten",
        ),
        (
            "assert 2.5e-06 < 1e-06",
            "assert abs(a - b) < LIMIT  # tight",
            "assert abs(a - b) < LIMIT * 10  # tight",
        ),
        (
            "assert 0.30000000000000004 == 0.3",
            "assert x == 0.3",
            "import pytest\nassert x == pytest.approx(0.3, rel=1e-09)",
        ),
    ],
)
def test_a_patch_has_the_limit_that_was_measured(message, line, after):
    (found,) = comparisons(failed(message), [("t.py", 1)])
    text = with_measured_limit(line + "\n", found)
    assert "\n".join(part for part in text.splitlines() if part) == after


@pytest.mark.parametrize(
    "message", ["assert 7 < 5", "assert 0.5 < 1e-06", "assert 3.0 == 2.0", "assert False"]
)
def test_what_is_plainly_wrong_is_no_narrow_miss(message):
    assert not any(found.near(100.0) for found in comparisons(failed(message), [("t.py", 1)]))
