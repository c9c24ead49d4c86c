from datetime import date

from parcel import quote

SMALL, LARGE = (20, 10, 10), (50, 40, 30)
RECIPIENT = ("E. Rust", "Am Markt 1", "30159", "Hannover")


def test_a_small_parcel():
    assert quote.price(1.5, SMALL) == 4.2


def test_a_parcel_at_the_limit_of_its_class():
    assert quote.price(5, SMALL) == 6.83


def test_a_bulky_parcel():
    assert quote.price(4, (50, 50, 22)) == 16.8


def test_an_island():
    assert quote.price(1.5, SMALL, "island") == 8.93


def test_total():
    assert quote.total([(1.5, SMALL), (1, SMALL)], "island") == 17.86


def test_letter():
    text = quote.letter(RECIPIENT, 1.5, SMALL, "mountain", date(2026, 11, 23))
    assert text.splitlines()[3] == "30159 HANNOVER"
    assert text.splitlines()[-1] == "7.35 on 25.11.2026"
