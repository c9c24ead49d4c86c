"""Documents of phases B to D: `probe`, `hunt`, `design`, `verify`."""

from __future__ import annotations

from triage.cli.json_documents.base import Document
from triage.hunt.document import HuntReport
from triage.model.experiment import ProbeReport
from triage.model.joint_search import JointReport
from triage.repair.document import Design, Verification


class ProbeDocument(ProbeReport, Document):
    """`triage probe SUBJECT --json`: why a test or a cluster fails, by experiment."""


class JointDocument(JointReport, Document):
    """`triage probe --all --json`: one search for everything red."""


class HuntDocument(HuntReport, Document):
    """`triage hunt --json`: latent flaky tests, each proven, and what was covered."""


class DesignDocument(Design, Document):
    """`triage design C19 --json`: repairs, compared by running them."""


class DesignsDocument(Document):
    """`triage design CAMPAIGN --json`."""

    designs: tuple[Design, ...]


class VerificationDocument(Verification, Document):
    """`triage verify C19 --json`: whether each exit criterion is met."""


class VerificationsDocument(Document):
    """`triage verify CAMPAIGN --json`."""

    verifications: tuple[Verification, ...]
