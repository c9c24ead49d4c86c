"""Lengths with their unit. Green as it stands: a hunt finds out what it takes to be so."""

UNIT = {"length": "mm"}


def shown(length):
    """A length as people read it."""
    return f"{length} {UNIT['length']}"


def test_lengths_are_in_millimetres():
    assert shown(3) == "3 mm"


def test_another_unit_can_be_set():
    UNIT["length"] = "nm"
    assert shown(3) == "3 nm"
