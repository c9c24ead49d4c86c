from parcel import labels


def test_town_line():
    assert labels.town_line("30159", "Hannover") == "30159 HANNOVER"


def test_address():
    assert labels.address("E. Rust", "Am Markt 1", "30159", "Hannover")[-1] == "30159 HANNOVER"


def test_label():
    text = labels.label("E. Rust", "Am Markt 1", "30159", "Hannover", service="express")
    assert text.splitlines() == ["[express]", "E. Rust", "Am Markt 1", "30159 HANNOVER"]


def test_sorting_key():
    assert labels.sorting_key("30159") == "30"
