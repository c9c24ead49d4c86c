"""A package that refuses what it took before may be right: its version alone is no cause."""

from __future__ import annotations

import pytest

from triage.model.failure import Frame, Raised
from triage.probe.probes.dependency import Dependency
from triage.testing.probes import case_of, drive, failure, seen

T = "tests/test_p.py::test_it"
VERSIONS = {"packages": {"qqgear": "2.0"}, "packages_when_passing": {"qqgear": "1.0"}}


def finding_of(exception, origin, files=()):
    frame = Frame(path="/site-packages/qqgear.py", lineno=2, origin=origin)
    raised = Raised(type=exception, message="no", frames=(frame,))
    failed = failure(T).model_copy(update={"chain": (raised,)})

    def world(setup):
        run = seen(T, setup.packages.get("qqgear") == "1.0")
        return run.model_copy(update={"failures": {T: failed}}) if run.red(T) else run

    files = dict(files)
    case = case_of(T, world, facts=VERSIONS, source=files.get, files=tuple(files))
    return drive(Dependency(), case, world).finding


@pytest.mark.parametrize(
    ("exception", "origin", "files", "refuses"),
    [
        ("ValueError", "library", {}, True),
        ("DeprecationWarning", "library", {}, True),
        ("ValueError", "library", {"requirements.txt": "qqgear==1.0\n"}, False),
        ("ValueError", "product", {}, False),
        ("AttributeError", "library", {}, False),
        ("AssertionError", "test", {}, False),
    ],
)
def test_a_refusal_of_the_package_speaks_against_its_version(exception, origin, files, refuses):
    finding = finding_of(exception, origin, files)
    assert finding.cause.kind == "dependency"
    assert bool(finding.against) is refuses
