"""Rates by weight class and zone, from `rates.json`."""

import json
from pathlib import Path

_FILE = Path(__file__).with_name("rates.json")


def table():
    """The whole table."""
    return json.loads(_FILE.read_text())


def weight_class(kilograms):
    """The smallest class that takes the weight, by its upper limit."""
    for limit in sorted(int(name) for name in table()["classes"]):
        if kilograms <= limit:
            return limit
    raise ValueError(f"{kilograms} kg is too heavy")


def base_rate(kilograms):
    """What the weight costs on the mainland, without fuel."""
    return table()["classes"][str(weight_class(kilograms))]


def surcharge(zone):
    """What a zone costs on top."""
    return table()["surcharges"][zone]


def fuel(amount):
    """The share for fuel."""
    return round(amount * table()["fuel"], 2)
