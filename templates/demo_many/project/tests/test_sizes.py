from parcel import sizes

BOX = (50, 40, 30)


def test_litres():
    assert sizes.litres(*BOX) == 60.0


def test_volumetric_weight():
    assert sizes.volumetric_weight(*BOX) == 12.0


def test_the_larger_weight_is_billed():
    assert sizes.billed_weight(3.0, BOX) == 12.0
    assert sizes.billed_weight(20.0, BOX) == 20.0


def test_bulky():
    assert sizes.is_bulky(11.0, BOX)
    assert not sizes.is_bulky(13.0, BOX)
