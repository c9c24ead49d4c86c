"""What an arm changes is kept as a patch that git applies, whatever the encoding of the file."""

from __future__ import annotations

import subprocess

from triage.lab.record import _patch


def test_a_patch_of_a_file_in_another_encoding_applies(tmp_path):
    latin = "André\nZoë\n".encode("latin-1")
    (tmp_path / "names.txt").write_bytes(latin)
    patch = _patch({"names.txt": "André\nZoë\n", "new.txt": "ß\n"}, tmp_path)
    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True)
    assert (tmp_path / "names.txt").read_text("utf-8") == "André\nZoë\n"
    assert (tmp_path / "new.txt").read_text("utf-8") == "ß\n"
