"""Say in one sentence what an experiment showed, with its two arms called by what differs in them."""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, Tally
from triage.text.capital import capitalised

_BY_KIND = {
    "env": "with {name}={to}",
    "config": "with {name}={to}",
    "literal": "with {to} in place of {before} at {name}",
    "edit": "with the edit at {name}",
    "restore": "with {name} restored",
    "sharing": "with {name} {to}",
    "set-order": "with the set at {name} sorted",
    "cwd": "from the folder {to}",
    "dtype": "in {to}",
    "seed": "with the seed {to}",
    "clock": "with the clock at {to}",
    "limit": "with a limit of {to} s",
    "tolerance": "with more slack ({to})",
    "package": "with {name} {to}",
    "commit": "at commit {to}",
}
"""How the treated arm is called, by the kind of its factor; other kinds are called `with NAME: VALUE`."""


def arm_names(experiment: Experiment) -> tuple[str, str]:
    """How a sentence calls the baseline and the treated arm, as the beginning of a clause."""
    if experiment.arm_names is not None:
        return experiment.arm_names
    if experiment.factor is None:
        return "unchanged,", "with the change"
    return "unchanged,", _treated_name(experiment.factor)


def _treated_name(factor: Factor) -> str:
    """The treated arm by its factor: `with APP_MODE unset`, `in float64`, `from the folder tests`."""
    name = factor.name.replace(" + ", " and ")
    if factor.kind == "env" and factor.to is None:
        return f"with {name} unset"
    form = _BY_KIND.get(factor.kind, "with {name}: {to}")
    return form.format(name=name, before=factor.from_, to=factor.to)


def both_arms(experiment: Experiment, before: Tally, after: Tally) -> str:
    """How often the test failed in the baseline, and that it passed in the treated arm."""
    baseline, treated = arm_names(experiment)
    failed = f"{capitalised(baseline)} the test failed {before.failed} of {before.runs} times"
    return f"{failed}; {treated} it passed {after.runs - after.failed} of {after.runs} times"


def treated_arm(experiment: Experiment) -> str:
    """The treated arm as the beginning of a sentence."""
    _, treated = arm_names(experiment)
    return capitalised(treated)
