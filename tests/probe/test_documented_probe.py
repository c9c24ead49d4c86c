"""The probe that docs/probes.md shows is one: it can be imported, and keeps what every probe must keep."""

from __future__ import annotations

import re
from pathlib import Path

from triage.testing.probes import case_of, conforms, seen

T = "tests/test_a.py::test_it"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "probes.md"


def test_the_documented_probe_proves_its_cause():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    (moon,) = names["triage_probes"]()

    def world(setup):
        return seen(T, setup.env.get("MOON") == "new", "the tide is high")

    case = case_of(T, world)
    assert moon.likelihood(case) == 0.5
    assert conforms(moon, case, world).finding.cause.confidence == "proven"
