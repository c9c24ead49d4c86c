"""The section of AGENTS.md that tells a coding agent how to work with triage: a region, yours around it."""

from __future__ import annotations

from pathlib import Path

from triage.campaign.init.set_up import NewText
from triage.documents.regions import splice

PAGE = "AGENTS.md"
REGION = "agents"

SECTION = """\
## Red tests: work with triage

This project finds out why tests fail by controlled experiments, and closes a failure only by a criterion that
was red before the repair. Give these commands in this order; each says what comes next, and takes `--json`
(`triage schema NAME` has the schema; long lists take `--limit` and `--cursor`).

1. `triage next` - what to do now, and why. Begin every session with it.
2. `triage run` - runs the suite and clusters what failed. `triage run --base auto` fails only for what your
   change broke. Exit 0: nothing new; 1: new or regressed; 3: no answer, which is never green.
3. `triage clusters`, `triage show C19` - what fails together, and what is known of it.
4. `triage probe C19` - the cause, by experiment. Takes minutes; `--budget SECONDS` bounds it.
5. `triage design C19 --option your.patch` - compares repairs by running them in a copy. Without `--option` it
   takes what the probe proposed.
6. Apply the recommended repair with the command that the design names.
7. `triage verify C19` - runs the exit criteria. Exit 1 names the one that is unmet.
8. `triage check` - before you commit: every number in `reports/` and `plans/` is recomputed.

What the answers mean:

- `confidence: proven` with `claim: cause`: an experiment changed this one thing, the failure went, and the
  lines that ran before still ran. Repair that.
- `claim: condition`: the thing flips the test; whether it is what is wrong is not decided. Do not repair the
  test to avoid it: find what is behind it.
- `likely`, `unknown`: no proof. Say so, and ask a person or give the probe a `--factor`.
- `flaky`: red and green without a change. It is no reason to run again until it is green.

What not to do:

- Do not loosen, skip, retry or delete a test to make it pass: a design counts that against the repair.
- Do not call anything resolved: `triage verify` does, or it is not.
- Do not edit `plans/journal.jsonl` or files below `reports/`, and nothing between the marks of triage in
  other files; do not delete them. `triage assign`, `merge` and `split` record what a person decides.
- Do not quarantine anything yourself: a person vouches for that, with a name and a day.

An error ends with a slug in brackets: `triage help SLUG` explains it. `triage mcp` serves these commands as
tools.
"""


def agents_page(root: Path) -> NewText | None:
    """AGENTS.md with the section as it is today; None where it has it.

    Raises `UsageError` where somebody edited inside of the region: text of one's own belongs around it.
    """
    path = root / PAGE
    old = path.read_bytes() if path.is_file() else b""
    new = splice(old, {REGION: SECTION}, PAGE)
    if new == old:
        return None
    why = "a section for coding agents (which commands, in which order, and what not to do)"
    return NewText(path=path, text=new.decode("utf-8", "surrogateescape"), why=why)
