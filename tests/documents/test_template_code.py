"""Compiled templates are kept for later processes, and nothing of another state of things is taken."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from triage.documents.template_code import TemplateCode

TEXT = "{{ name }} has {{ 2 + 3 }} tests"


class _NeverCompiles(jinja2.Environment):
    def _generate(self, *_args: object, **_named: object) -> str:
        raise AssertionError("compiled although its code is kept")


def _rendered(code: TemplateCode, kind: type[jinja2.Environment] = jinja2.Environment) -> str:
    environment = kind(loader=jinja2.DictLoader({"page": TEXT}), bytecode_cache=code)
    return environment.get_template("page").render(name="shop")


def test_a_later_process_takes_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert _rendered(TemplateCode(tmp_path, "1")) == "shop has 5 tests"
    assert _rendered(TemplateCode(tmp_path, "1"), _NeverCompiles) == "shop has 5 tests"
    with pytest.raises(AssertionError, match="although"):
        _rendered(TemplateCode(tmp_path, "2"), _NeverCompiles)  # another version of what it may call


def test_one_process_compiles_once_where_nothing_can_be_kept() -> None:
    code = TemplateCode(None, "1")
    _rendered(code)
    assert _rendered(code, _NeverCompiles) == "shop has 5 tests"


def test_a_damaged_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    _rendered(TemplateCode(tmp_path, "1"))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert _rendered(TemplateCode(tmp_path, "1")) == "shop has 5 tests"


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (tmp_path / "file").write_text("")
    assert _rendered(TemplateCode(tmp_path / "file" / "below", "1")) == "shop has 5 tests"
