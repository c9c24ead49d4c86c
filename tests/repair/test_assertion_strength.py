"""What a patch takes from a test is seen in its source, and so is the note in its docstring."""

from __future__ import annotations

import pytest

from triage.repair.assertion_strength import compare, missing_note


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("assert a == 1", "assert a == 1", {}),
        ("assert a == 1", "assert f(a) == 1", {"changed": 1}),
        ("assert a == 1", "a == 1", {"after": 0, "changed": 1}),
        ("assert a == 1", "assert a == 1 or True", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert (a == 1, 'message')", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert a == a", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert not None", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "try:\n    assert a == 1\nexcept Exception:\n    pass", {"swallows": 1}),
        ("assert a == 1", "with suppress(AssertionError):\n    assert a == 1", {"swallows": 1}),
        ("assert a == 1", "try:\n    assert a == 1\nexcept ValueError:\n    raise", {}),
        ("assert a == 1", "import pytest\npytest.skip('x')\nassert a == 1", {"skips": 1}),
        ("self.assertEqual(a, 1)", "self.assertTrue(a)", {"changed": 1}),
        ("with pytest.raises(E):\n    f()", "f()", {"after": 0, "changed": 1}),
        ("assert a == 1", "def (", {"after": 0, "changed": 1}),
        ("assert a == approx(1)", "assert a == approx(1, rel=0.1)", {"changed": 1, "loosened": 1}),
        ("assert a == 0.1", "assert a == pytest.approx(0.1)", {"changed": 1, "loosened": 1}),
        ("assert abs(a - b) < LIMIT", "assert abs(a - b) < LIMIT * 10.0", {"changed": 1, "loosened": 1}),
        (
            "assert_allclose(a, b, rtol=1e-6)",
            "assert_allclose(a, b, rtol=1e-3)",
            {"changed": 1, "loosened": 1},
        ),
        ("assert a == 1", "time.sleep(1)\nassert a == 1", {"waits": 1}),
        ("assert a == 1", "@pytest.mark.flaky(reruns=2)\ndef f():\n    assert a == 1", {"waits": 1}),
    ],
)
def test_what_a_patch_takes_from_a_test_is_seen(before, after, expected):
    whole = {"before": 1, "after": 1, "changed": 0, "tautologies": 0, "skips": 0, "swallows": 0}
    whole |= {"loosened": 0, "waits": 0}
    assert compare([(before, after)]).model_dump() == whole | expected


@pytest.mark.parametrize(
    ("nodeid", "problem"),
    [
        ("t.py::test_good", None),
        ("t.py::test_good[a::b]", None),
        ("t.py::TestX::test_in_class", None),
        ("t.py::TestX::TestY::test_deep", None),
        ("t.py::test_in_if", None),
        ("t.py::test_plain", "has no note"),
        ("t.py::test_wrong", "names none of"),
        ("t.py::test_bare", "no docstring"),
        ("t.py::test_absent", "is not in"),
        ("t.py::TestX", "is not in"),
        ("absent.py::x", "cannot be read"),
        ("broken.py::x", "cannot be parsed"),
    ],
)
def test_a_note_is_found_where_the_node_id_says(tmp_path, nodeid, problem):
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "t.py").write_text(
        'def test_good():\n    """Note: needs default_F."""\n'
        'def test_plain():\n    """Uses default_F."""\n'
        'def test_wrong():\n    """Note: default_Fx is another."""\n'
        "def test_bare():\n    pass\n"
        'class TestX:\n    def test_in_class(self):\n        """A note on default_F."""\n'
        '    class TestY:\n        def test_deep(self):\n            """Note default_F."""\n'
        'if True:\n    def test_in_if():\n        """NOTES: default_F."""\n'
    )
    found = missing_note(tmp_path, nodeid, ["default_F"])
    assert (found is None) if problem is None else (problem in found)
