"""Names and versions of installed distributions."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from triage.recorder.installed import installed_versions


def _install(file: Path, metadata: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(metadata)


def test_they_are_what_the_standard_library_says():
    versions = {}
    for distribution in distributions():
        versions.setdefault(distribution.metadata["Name"], distribution.version)
    assert installed_versions() == versions
    assert list(installed_versions()) == sorted(versions)


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n", {"shop": "1.0"}),
        ("NAME:shop\nversion:  1.0 \n", {"shop": "1.0"}),
        ("Summary: a\n Name: other\nName: shop\nVersion: 1.0\n\nName: other\n", {"shop": "1.0"}),
        ("Name: shop\n", {"shop": ""}),
        ("Version: 1.0\n", {}),
        (": 1\nName: shop\nVersion: 2", {"shop": "2"}),
        ("", {}),
    ],
)
@pytest.mark.parametrize("file", ["a.dist-info/METADATA", "a.egg-info/PKG-INFO"])
def test_header_fields(tmp_path, monkeypatch, metadata, found, file):
    _install(tmp_path / file, metadata)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_versions() == found


def test_the_first_on_the_path_counts(tmp_path, monkeypatch):
    for version in ("2.0", "1.0"):
        _install(tmp_path / version / "shop.dist-info" / "METADATA", f"Name: shop\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "2.0"), str(tmp_path / "1.0")])
    assert installed_versions() == {"shop": "2.0"}
