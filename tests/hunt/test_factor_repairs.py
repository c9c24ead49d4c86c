"""What a suite can declare where its tests depend on their surroundings."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from triage.hunt.factor_repairs import what_it_needs
from triage.model.experiment import Factor

CASE = SimpleNamespace(env={"HOME": "/home/me"})


@pytest.mark.parametrize(
    ("factor", "needed"),
    [
        (Factor(kind="cwd", name="another folder", from_="as it is", to="another folder"), ("cwd", "")),
        (Factor(kind="env", name="TZ", from_="as it is", to="America/New_York"), ("TZ", "UTC")),
        (Factor(kind="env", name="CI", from_="as it is", to="true"), ("CI", None)),
        # its value is this machine's
        (Factor(kind="env", name="HOME", from_="as it is", to="/nonexistent"), None),
        (Factor(kind="seed", name="seed", from_="as it is", to=3), None),
        (None, None),
    ],
)
def test_the_factor_the_other_way_round(factor, needed):
    found = what_it_needs(CASE, factor)
    assert (found and (found.name, found.to)) == needed
