"""Name lines of a file as people say them."""


def lines_in_words(path: str, first: int, last: int) -> str:
    """`line 12 of src/a.py`, `lines 12-14 of src/a.py`."""
    lines = f"line {first}" if first == last else f"lines {first}-{last}"
    return f"{lines} of {path}"
