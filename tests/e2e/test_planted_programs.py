"""A configuration that names programs everywhere it can, the user's too: no command of triage starts one."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
HOOKS = ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "pre-applypatch")
TESTS = "import calc\n\ndef test_a():\n    assert calc.ONE == 1\n"
PATCH = "--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-ONE = 2\n+ONE = 1\n"


@pytest.fixture
def planted(project, tmp_path, monkeypatch):
    """The project with a trap in each place; `sprung` tells which were started."""
    project.file("calc.py", "ONE = 1\n").file("test_a.py", TESTS).file("fix.patch", PATCH).commit()
    project.file("calc.py", "ONE = 2\n").commit()
    project.file("calc.py", "ONE = 2\n\n")  # differs from the commit: git looks at what is in it
    sprung = tmp_path / "sprung"
    sprung.mkdir()

    def trap(name):
        program = tmp_path / f"trap-{name}"
        program.write_text(f"#!/bin/sh\ntouch {sprung}/{name}\ncat\n")
        program.chmod(0o755)
        return program

    included = tmp_path / "included.cfg"
    included.write_text(f'[filter "theirs"]\n clean = {trap("included")}\n smudge = {trap("included")}\n')
    (project.root / ".git" / "info").mkdir(exist_ok=True)
    user = tmp_path / "user.cfg"
    user.write_text(f'[filter "lfs"]\n clean = {trap("user")}\n smudge = {trap("user")}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(user))
    (project.root / ".git" / "info" / "attributes").write_text(
        "*.py filter=mine diff=mine merge=mine\n*.patch filter=theirs\n*.ini filter=lfs\n"
    )
    project.file("pytest.ini", "[pytest]\n\n")
    with (project.root / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n fsmonitor = {trap('fsmonitor')}\n sshCommand = {trap('ssh')}\n"
            f" pager = {trap('pager')}\n editor = {trap('editor')}\n askPass = {trap('askpass')}\n"
            f'[filter "mine"]\n clean = {trap("clean")}\n smudge = {trap("smudge")}\n required = true\n'
            f'[diff "mine"]\n textconv = {trap("textconv")}\n command = {trap("command")}\n'
            f'[merge "mine"]\n driver = {trap("merge")}\n'
            f"[diff]\n external = {trap('external')}\n[credential]\n helper = {trap('credential')}\n"
            f"[gpg]\n program = {trap('gpg')}\n[commit]\n gpgSign = true\n[log]\n showSignature = true\n"
            f"[include]\n path = {included}\n"
        )
    for hook in HOOKS:
        path = project.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(trap(f"hook-{hook}").read_text())
        path.chmod(0o755)
    project.sprung = lambda: sorted(path.name for path in sprung.iterdir())
    return project


def test_no_command_starts_a_program_of_the_repository(planted):
    commands = (
        ("run",),
        ("run", "--base", "HEAD~1"),
        ("doctor",),
        ("report", "--github"),
        ("probe", "C1", "--probe", "commit", "--repeats", "2"),
        ("design", "C1", "--option", "fix.patch"),
        ("verify", "C1"),
    )
    for words in commands:
        said = planted.triage(*words)
        assert said.code in {0, 1}, (words, said)
        assert planted.sprung() == [], words
    planted.git("diff")
    assert "clean" in planted.sprung(), "git itself starts them"
