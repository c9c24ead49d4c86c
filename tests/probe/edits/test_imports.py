"""Where a new import goes."""

from __future__ import annotations

import libcst as cst
import pytest

from triage.probe.edits.imports import own_packages, with_import

GROUPS = '''"""Tests."""

from __future__ import annotations

import os
import time
from pathlib import Path

import requests

from shop import price
'''


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("copy", "import os\n", "import copy\nimport os\n"),
        ("sys", "import time\n", "import sys\nimport time\n"),
        ("zlib", "from pathlib", "import zlib\nfrom pathlib"),
        ("pytest", "import requests\n", "import pytest\nimport requests\n"),
        ("zoo", "import requests\n", "import requests\nimport zoo\n"),
        ("shop.rates", "from shop", "import shop.rates\nfrom shop"),
        ("time", "import time", "import time"),
    ],
)
def test_an_import_goes_to_its_sorted_place_in_its_group(name, old, new):
    assert with_import(cst.parse_module(GROUPS), name, {"shop"}).code == GROUPS.replace(old, new)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): pass\n", "import pytest\n\ndef f(): pass\n"),
        ('"""Doc."""\nx = 1\n', '"""Doc."""\n\nimport pytest\n\nx = 1\n'),
        ("import os\n\nfrom shop import f\n", "import os\n\nimport pytest\n\nfrom shop import f\n"),
        ("from shop import f\n", "import pytest\n\nfrom shop import f\n"),
        ("from . import f\n", "import pytest\n\nfrom . import f\n"),
    ],
)
def test_a_group_of_its_own_stands_between_its_neighbours(source, expected):
    assert with_import(cst.parse_module(source), "pytest", {"shop"}).code == expected


def test_packages_of_a_project():
    assert own_packages(["src/shop/__init__.py", "tools.py", "tests/test_a.py", "README.md"]) == {
        "shop",
        "tools",
        "tests",
    }
