"""Labels as the sorting machine reads them."""


def town_line(postcode, town):
    """Postcode and town."""
    return f"{postcode} {town.upper()}"


def address(name, street, postcode, town):
    """Three lines."""
    return [name, street, town_line(postcode, town)]


def label(name, street, postcode, town, service="parcel"):
    """The whole label."""
    lines = address(name, street, postcode, town)
    return "\n".join([f"[{service}]", *lines])


def sorting_key(postcode):
    """The first two digits decide the lorry."""
    return postcode[:2]
