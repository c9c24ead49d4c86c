"""A command begins with its process, each further one of that process when it is opened."""

from __future__ import annotations

import time

from triage.cli import command_clock


def test_the_first_command_began_with_its_process_and_the_next_one_now(monkeypatch):
    monkeypatch.setattr(command_clock, "_begins_with_process", False)
    monkeypatch.setattr(command_clock, "_process_age", lambda: 100.0)
    command_clock.count_from_process()
    before = time.monotonic()
    assert command_clock.command_began() <= before - 99.0
    assert command_clock.command_began() >= before


def test_a_process_knows_its_age():
    age = command_clock._process_age()
    assert age > 0
    assert command_clock._process_age() >= age
