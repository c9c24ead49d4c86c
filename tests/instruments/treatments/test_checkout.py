"""An editable installation leads to another checkout; what is imported from the first one is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, site, sys
for folder in sys.argv[1:]:
    site.addsitedir(folder)
import triage.instruments.treatments.checkout as checkout
import product
child = os.popen(f"{sys.executable} -c 'import product; print(product.WHERE)'").read().strip()
checkout.pytest_collection_finish()
print(json.dumps([product.WHERE, child]))
"""


@pytest.fixture
def checkouts(tmp_path):
    """Two checkouts of a product that says which of them it is in."""
    for where in ("head", "base"):
        package = tmp_path / where / "src" / "product"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"WHERE = {where!r}\n")
    return tmp_path


def run(tmp_path, *site, pythonpath=""):
    """Which product a process imports, which one its child does, and what was seen of the head."""
    told = {"checkout": {"from": str(tmp_path / "head"), "to": str(tmp_path / "base")}, "out": str(tmp_path)}
    (tmp_path / "told.json").write_text(json.dumps(told))
    env = {**os.environ, "TRIAGE_INSTRUMENT": str(tmp_path / "told.json"), "PYTHONPATH": pythonpath}
    words = [sys.executable, "-c", SCRIPT, *map(str, site)]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads((tmp_path / "checkout.jsonl").read_text().splitlines()[-1])
    return (*json.loads(done.stdout), seen["files"])


def test_a_folder_in_a_pth_file(checkouts):
    site = checkouts / "site-packages"
    site.mkdir()
    (site / "product.pth").write_text(f"{checkouts}/head/src\n")
    assert run(checkouts, site) == ("base", "base", [])


def test_an_editable_finder_of_setuptools(checkouts):
    editable = pytest.importorskip("setuptools.command.editable_wheel")
    site = checkouts / "site-packages"
    site.mkdir()
    mapping = {"product": f"{checkouts}/head/src/product"}
    (site / "__editable___product_finder.py").write_text(
        editable._finder_template("__editable___product_finder", mapping, {})
    )
    (site / "__editable__.product.pth").write_text(
        "import __editable___product_finder; __editable___product_finder.install()\n"
    )
    assert run(checkouts, site) == ("base", "base", [])


def test_a_link_in_the_environment(checkouts):
    site = checkouts / "site-packages"
    site.mkdir()
    (site / "product").symlink_to(checkouts / "head" / "src" / "product")
    assert run(checkouts, site) == ("base", "base", [])


def test_a_module_that_was_imported_before_is_seen(checkouts):
    site = checkouts / "site-packages"
    site.mkdir()
    (site / "product.pth").write_text(f"{checkouts}/head/src\nimport product\n")
    where, _, seen = run(checkouts, site)
    assert (where, seen) == ("head", ["src/product/__init__.py"])


def test_an_environment_inside_of_the_checkout_stays(checkouts):
    library = checkouts / "head" / ".venv" / "lib" / "site-packages"
    (library / "product").mkdir(parents=True)
    (library / "product" / "__init__.py").write_text("WHERE = 'library'\n")
    assert run(checkouts, pythonpath=str(library)) == ("library", "library", [])
