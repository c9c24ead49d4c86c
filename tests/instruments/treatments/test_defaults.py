"""Defaults are overridden where the caller left them, in every way Python has to write them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

T = "test_it.py::test_it"
KINDS = {
    "dataclass": """
        from dataclasses import dataclass
        @dataclass(frozen=True, slots=True)
        class C:
            a: int
            x: float = 0.0
    """,
    "keyword-only": """
        class C:
            def __init__(self, a, *, x=0.0):
                self.a, self.x = a, x
    """,
    "plain": """
        class C:
            def __init__(self, a, x=0.0, y=1):
                self.a, self.x = a, x
    """,
    "pydantic": """
        from pydantic import BaseModel
        class C(BaseModel):
            a: int
            x: float = 0.0
    """,
    "pydantic-dataclass": """
        from pydantic.dataclasses import dataclass
        @dataclass
        class C:
            a: int
            x: float = 0.0
    """,
    "named-tuple": """
        from typing import NamedTuple
        class C(NamedTuple):
            a: int
            x: float = 0.0
    """,
    "inherited": """
        from dataclasses import dataclass
        @dataclass
        class B:
            a: int
        @dataclass
        class C(B):
            x: float = 0.0
    """,
}
USES = "from config import C\ndef test_it():\n    assert C(a=1).x == 7.0\n    assert C(a=1, x=2.0).x == 2.0\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_is_replaced_and_a_passed_value_kept(observe, kind):
    files = {"config.py": KINDS[kind], "test_it.py": USES}
    seen = observe(files, T, defaults={"overrides": {"config.C.x": 7.0}})
    assert seen.passed(T), seen.failures
    assert seen.lines("defaults", "applied")


def test_a_function_imported_by_name_is_changed_too(observe):
    files = {
        "model.py": "def field(x, *, charge=0.0):\n    return x * charge\n",
        "test_it.py": "from model import field\ndef test_it():\n    assert field(2) == 6.0\n",
    }
    assert observe(files, T, defaults={"overrides": {"model.field.charge": 3.0}}).passed(T)


def test_a_configuration_made_while_importing_sees_the_new_default(observe):
    files = {
        "config.py": KINDS["dataclass"],
        "test_it.py": "from config import C\nMADE = C(a=1)\ndef test_it():\n    assert MADE.x == 7.0\n",
    }
    assert observe(files, T, defaults={"overrides": {"config.C.x": 7.0}}).passed(T)


def test_a_field_that_does_not_exist_is_reported_as_missed(observe):
    files = {"config.py": KINDS["plain"], "test_it.py": "import config\ndef test_it():\n    pass\n"}
    seen = observe(files, T, defaults={"overrides": {"config.C.nix": 1}})
    assert seen.passed(T)
    assert "config.C.nix" in seen.lines("defaults", "missed")[0]["missed"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_meter_records_what_was_left_and_where(observe, kind):
    test = "from config import C\ndef test_it():\n    C(a=1)\n"
    seen = observe({"config.py": KINDS[kind], "test_it.py": test}, T, configs={})
    left = {f"{line['owner']}.{line['field']}": line["caller"] for line in seen.lines("configs", "default")}
    assert left.get("config.C.x") == "test_it.py:3", left


def test_the_meter_leaves_out_what_was_passed(observe):
    test = "from config import C\ndef test_it():\n    C(a=1, x=5.0)\n"
    seen = observe({"config.py": KINDS["dataclass"], "test_it.py": test}, T, configs={})
    assert not seen.lines("configs", "default")


def test_a_class_is_named_by_the_package_that_exports_it(observe):
    files = {
        "lab/__init__.py": "",
        "lab/config/__init__.py": "from lab.config.lamp import Lamp\n",
        "lab/config/lamp.py": """
            from dataclasses import dataclass
            @dataclass
            class Lamp:
                power: float = 0.0
        """,
        "test_it.py": "from lab.config import Lamp\ndef test_it():\n    Lamp()\n",
    }
    (line,) = observe(files, T, configs={}).lines("configs", "default")
    assert line["owner"] == "lab.config.Lamp"
