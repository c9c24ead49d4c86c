"""The price of a parcel, and the letter that says so."""

from parcel import days, labels, rates, sizes


def price(kilograms, box, zone="mainland"):
    """Weight, zone and fuel."""
    billed = sizes.billed_weight(kilograms, box)
    amount = rates.base_rate(billed) + rates.surcharge(zone)
    return round(amount + rates.fuel(amount), 2)


def total(parcels, zone="mainland"):
    """Of several parcels."""
    return round(sum(price(kilograms, box, zone) for kilograms, box in parcels), 2)


def letter(recipient, kilograms, box, zone, sent):
    """Label, price and day of arrival."""
    label = labels.label(*recipient)
    day = days.spelled(days.arrival(sent, zone))
    return f"{label}\n{price(kilograms, box, zone):.2f} on {day}"
