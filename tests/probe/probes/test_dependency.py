"""`dependency` with real wheels from a folder, real runs before and after an upgrade, and no network."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from triage.errors import VoidError
from triage.process.packages import install

TEST = """
    import qqgear, qqcog, qqaxle
    def test_it():
        assert qqgear.ratio(4) * qqcog.teeth() == 8 and qqaxle.length()
"""
TEXTS = {
    ("qqgear", "1.0"): "def ratio(n):\n    return n // 2\n",
    ("qqgear", "2.0"): "def ratio(n):\n    return n / 4\n",
    ("qqcog", "1.0"): "def teeth():\n    return 4\n",
    ("qqcog", "2.0"): "def teeth():\n    return 4 + 0\n",
    ("qqaxle", "1.0"): "def length():\n    return 1\n",
    ("qqaxle", "2.0"): "def length():\n    return 2\n",
}
T = "tests/test_p.py::test_it"
pytestmark = pytest.mark.slow


def wheel(folder, name, version):
    """A wheel as a build backend writes it."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": TEXTS[name, version],
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """By version: a folder into which pip has installed the three packages."""
    everything = tmp_path_factory.mktemp("wheels")
    for name, version in TEXTS:
        wheel(everything, name, version)
    names = sorted({name for name, _ in TEXTS})
    return {
        version: install(
            dict.fromkeys(names, version), tmp_path_factory.mktemp("site") / version, links=[everything]
        )
        for version in ("1.0", "2.0")
    }


@pytest.fixture
def upgraded(suite, tmp_path, installed):
    """A project that passed with version 1.0 of three packages and runs with 2.0 now."""

    def make(test=TEST, kept=("1.0", "2.0")):
        site = tmp_path / "site"
        project = suite({"tests/test_p.py": test}, env={"PYTHONPATH": str(site)})
        for name, version in TEXTS:
            if version in kept:
                wheel(project.root / "wheels", name, version)
        for number, version in enumerate(("1.0", "2.0"), start=1):
            shutil.rmtree(site, ignore_errors=True)
            shutil.copytree(installed[version], site)
            project.call("run", "--stamp", f"2026010{number}T000000Z")
        return project

    return make


def test_the_guilty_package_of_three_that_differ_is_named_and_proven(upgraded):
    code, report, _ = upgraded().probe(T, "--probe", "dependency")
    cause = report["root_cause"]
    assert (code, cause["kind"], cause["confidence"]) == (0, "dependency", "proven"), report["excluded"]
    assert cause["culprits"] == ["qqgear"]
    assert (cause["factor"]["from"], cause["factor"]["to"]) == ("2.0", "1.0")


def test_packages_that_differ_and_do_not_matter_are_not_blamed(upgraded):
    code, report, _ = upgraded(TEST.replace("== 8", "== 9")).probe(T, "--probe", "dependency")
    assert (code, report["root_cause"]["kind"]) == (1, "unknown")


def test_a_version_that_nobody_has_is_one_clear_line_and_no_refutation(upgraded):
    code, report, _ = upgraded(kept=("2.0",)).probe(T, "--probe", "dependency")
    assert (code, report["root_cause"]["kind"]) == (1, "unknown")
    assert "pip could not install qqgear 1.0" in report["excluded"][0]
    assert "\n" not in report["excluded"][0]


def test_pip_is_quoted_in_one_line(tmp_path):
    with pytest.raises(VoidError, match=r"could not install qqgear 9\.9: .*qqgear==9\.9") as caught:
        install({"qqgear": "9.9"}, tmp_path / "to", links=[tmp_path])
    assert "\n" not in str(caught.value)
