"""A format is a file and a row: an importer of NUnit XML and a report format, offered by plugins."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from triage.cli.app import run
from triage.cli.builtin_plugins import BuiltIns
from triage.errors import UsageError
from triage.formats.file_head import FileHead
from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.importer import read
from triage.formats.registry import IMPORTERS, REPORT_FORMATS, Importer, ReportFormat
from triage.model.outcome import Outcome
from triage.plugins import NEEDS, hookimpl, manager, offers

NUNIT = """<?xml version="1.0" encoding="utf-8"?>
<test-run id="2" testcasecount="3" result="Failed"><test-suite type="TestFixture" name="CartTest">
<test-case fullname="Shop.CartTest.Adds" result="Passed" duration="0.25"/>
<test-case fullname="Shop.CartTest.Totals" result="Failed" duration="0.5"><failure>
<message>Expected: 3  But was: 4</message>
<stack-trace>at Shop.CartTest.Totals() in CartTest.cs:line 7</stack-trace>
</failure></test-case>
<test-case fullname="Shop.CartTest.Later" result="Skipped"/>
</test-suite></test-run>"""

OUTCOMES = {"Passed": Outcome.PASSED, "Failed": Outcome.FAILED, "Skipped": Outcome.SKIPPED}


def recognizes_nunit(head):
    return head.is_xml and "<test-run" in head.text


def read_nunit(stream, *, limits, notes):
    for case in ET.parse(stream).getroot().iter("test-case"):
        failures = tuple(
            ImportedFailure(message=one.findtext("message", ""), text=one.findtext("stack-trace", ""))
            for one in case.findall("failure")
        )
        classname, _, name = case.get("fullname").rpartition(".")
        yield ImportedTest(
            name=ImportedName(nodeid=f"{classname}::{name}"),
            outcome=OUTCOMES[case.get("result")],
            failures=failures,
            duration=float(case.get("duration", 0)),
            source="nunit",
        )


NUNIT_IMPORTER = Importer("NUnit XML", recognizes_nunit, read_nunit)


def render_list(run):
    return "".join(f"{result.outcome.value} {result.nodeid}\n" for result in run.results)


LIST_FORMAT = ReportFormat("list", "One line a test", render_list)


class Stranger:
    @hookimpl
    def triage_importers(self):
        return [NUNIT_IMPORTER]

    @hookimpl
    def triage_report_formats(self):
        return [LIST_FORMAT]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A suite whose triage has the plugin."""
    made = manager(BuiltIns(), [Stranger()], installed=False)
    monkeypatch.setattr("triage.cli.builtin_plugins.plugins", lambda: made)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "nunit.xml").write_text(NUNIT)
    return tmp_path


def triage(project, capsys, *words):
    capsys.readouterr()
    code = run([*words, "--root", str(project)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_what_is_built_in_comes_through_the_hooks():
    made = manager(BuiltIns(), installed=False)
    assert tuple(offers(made, "triage_importers")) == IMPORTERS
    assert tuple(offers(made, "triage_report_formats")) == REPORT_FORMATS


def test_nunit_is_no_junit(tmp_path):
    (tmp_path / "nunit.xml").write_text(NUNIT)
    assert not any(importer.recognizes(FileHead(NUNIT.encode())) for importer in IMPORTERS)
    with pytest.raises(UsageError, match="no test report; left out"):
        read([tmp_path / "nunit.xml"], root=tmp_path, stamp="S")


def test_a_plugins_importer_reads_its_files(project, capsys):
    code, out, _ = triage(project, capsys, "import", str(project / "nunit.xml"))
    assert code == 1
    assert "3 tests from 1 report" in out
    assert ": 1 passed, 1 failed, 1 skipped" in out
    assert "Expected: 3 But was: 4" in out


def test_a_plugins_report_format_is_written(project, capsys):
    triage(project, capsys, "import", str(project / "nunit.xml"))
    target = project / "list.txt"
    code, out, err = triage(project, capsys, "report", "--format", f"list={target}", "--format", "junit=-")
    assert code == 0
    assert target.read_text().splitlines() == [
        "passed Shop.CartTest::Adds",
        "failed Shop.CartTest::Totals",
        "skipped Shop.CartTest::Later",
    ]
    assert err == f"wrote {target}\n"
    assert ET.fromstring(out.encode()).tag == "testsuites"


@pytest.mark.parametrize(
    ("word", "slug", "said"),
    [
        ("odt=report.odt", "bad-format", "sarif, ctrf, junit, otlp, gitlab, markdown, badge, list"),
        ("list=", "bad-format", "has no file"),
        ("list", "bad-pair", "NAME=VALUE"),
    ],
)
def test_a_format_that_nobody_offers_writes_nothing(project, capsys, word, slug, said):
    triage(project, capsys, "import", str(project / "nunit.xml"))
    target = project / "before.txt"
    code, _, err = triage(project, capsys, "report", "--format", f"list={target}", "--format", word)
    assert code == 2
    assert f"[{slug}]" in err
    assert said in err
    assert not target.exists()


def test_a_format_that_raises_is_named(project, capsys, monkeypatch):
    triage(project, capsys, "import", str(project / "nunit.xml"))
    broken = ReportFormat("broken", "Raises", lambda run: 1 / 0)
    monkeypatch.setattr(Stranger, "triage_report_formats", hookimpl(lambda self: [broken]))
    made = manager(BuiltIns(), [Stranger()], installed=False)
    monkeypatch.setattr("triage.cli.builtin_plugins.plugins", lambda: made)
    code, _, err = triage(project, capsys, "report", "--format", "broken=-")
    assert code == 2
    assert "report format broken: ZeroDivisionError" in err


@pytest.mark.parametrize(
    ("hook", "offered", "said"),
    [
        ("triage_importers", object(), "plugin Bad: .* without name, recognizes, read, folder_is_report"),
        ("triage_report_formats", object(), "plugin Bad: .* without name, title, render"),
    ],
)
def test_a_bad_plugin_fails_by_name_when_it_registers(hook, offered, said):
    bad = type("Bad", (), {hook: hookimpl(lambda self: [offered])})()
    with pytest.raises(UsageError, match=said) as caught:
        manager(BuiltIns(), [bad], installed=False)
    assert caught.value.slug == "bad-plugin"


def test_the_plugin_of_the_documentation_offers_what_it_says():
    page = (Path(__file__).resolve().parents[2] / "docs/plugins.md").read_text(encoding="utf-8")
    module = ModuleType("our_tools")
    source = page.partition("```python\n")[2].partition("```")[0]
    exec(compile(source, "docs/plugins.md", "exec"), vars(module))
    made = manager(plugins=[module], installed=False)
    (format_,) = offers(made, "triage_report_formats")
    assert format_.name == "slowest"
    (rule,) = offers(made, "triage_redactions")
    assert re.search(rule.pattern, "of SN-123456.")
    (section,) = offers(made, "triage_report_sections")
    assert section.render({"counts": {"collected": 3}}).startswith("3 tests")
    for hook in NEEDS:
        assert f"| `{hook}` |" in page, "every hook stands in the table"
