"""What a joint search proposes as a repair: the lines that it took back, in today's files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from triage.attribute.causes import FoundCause, united
from triage.attribute.commit_stage import BrokenSince
from triage.attribute.record import repairs_of
from triage.model.experiment import Patch
from triage.text.hunks import Hunk

SINCE = BrokenSince("0" * 40, None, (), is_confirmed=True)


def hunk(path: str) -> Hunk:
    return Hunk(path, 1, 1, 1, ("RATE = 2\n",), ("RATE = 3\n",))


def cause(path: str, repair: dict[str, str | None], *more: Hunk) -> FoundCause:
    hunks = frozenset((hunk(path), *more))
    return FoundCause(("t::one",), hunks, (), SINCE, is_proven=True, judged=(), repair=repair)


def proposed(found: FoundCause, root: Path, secret: str = "none") -> tuple[Patch, ...]:
    services = SimpleNamespace(root=root, redact=lambda text: text.replace(secret, "[redacted]"))
    return repairs_of(services, found)  # type: ignore[arg-type]


def test_the_lines_before_are_a_patch_of_today(tmp_path):
    (tmp_path / "shop.py").write_text("RATE = 3\nNAME = 'a'\n")
    (patch,) = proposed(cause("shop.py", {"shop.py": "RATE = 2\nNAME = 'a'\n"}), tmp_path)
    assert patch.path == "shop.py"
    assert "-RATE = 3\n+RATE = 2\n" in patch.diff
    assert patch.title.startswith("take back ")


def test_a_file_that_the_change_added_is_removed(tmp_path):
    (tmp_path / "new.py").write_text("x\n")
    (patch,) = proposed(cause("new.py", {"new.py": None}), tmp_path)
    assert "+++ /dev/null" in patch.diff


def test_what_was_not_run_or_holds_a_secret_is_not_proposed(tmp_path):
    (tmp_path / "shop.py").write_text("RATE = 3\nKEY = 'hush'\n")
    assert proposed(cause("shop.py", {}), tmp_path) == ()
    assert proposed(cause("shop.py", {"shop.py": "RATE = 2\nKEY = 'hush'\n"}), tmp_path, "hush") == ()


def test_causes_that_are_one_have_no_repair_that_mends_half(tmp_path):
    (whole,) = united([cause("a.py", {"a.py": "1\n"}), cause("a.py", {"a.py": "1\n"}, hunk("b.py"))])
    assert whole.repair == {}
    (same,) = united([cause("a.py", {"a.py": "1\n"}), cause("a.py", {"a.py": "1\n"})])
    assert same.repair == {"a.py": "1\n"}
