import pytest
from parcel import rates


@pytest.mark.parametrize(("kilograms", "limit"), [(1, 2), (2, 2), (3, 5), (5, 5), (30, 30)])
def test_weight_class(kilograms, limit):
    assert rates.weight_class(kilograms) == limit


def test_too_heavy():
    with pytest.raises(ValueError, match="too heavy"):
        rates.weight_class(31)


def test_surcharges():
    assert rates.surcharge("mainland") == 0.0
    assert rates.surcharge("island") == 4.5


def test_fuel():
    assert rates.fuel(10.0) == 0.5
