"""The Python API: `import triage`, `triage.open(root)`; its answers are the documents that `--json` prints.

    project = triage.open("path/to/suite")
    run = project.run(base="auto")
    for cluster in project.clusters().clusters:
        print(cluster.id, cluster.title, project.probe(cluster.id).root_cause.summary)

Each method gives one command. It returns a frozen pydantic model, redacted as the command's document is, and
raises `TriageError` (with `slug`, `what`, `next_step`, `exit_code`) where the command would print an error.
Red tests are none. A method runs in this process and changes neither its folder nor its signal handlers;
tests run in processes of their own, as always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, TypeVar

import click

from triage.cli.app import group
from triage.cli.json_documents.base import Document
from triage.cli.json_documents.clusters import ClustersDocument, ShowDocument
from triage.cli.json_documents.phases import (
    DesignDocument,
    JointDocument,
    ProbeDocument,
    VerificationDocument,
)
from triage.cli.json_documents.project import NextDocument, StatusDocument
from triage.cli.json_documents.runs import ResultsDocument, RunDocument
from triage.errors import TriageError, UsageError

__all__ = ["Project", "TriageError", "open"]

_Document = TypeVar("_Document", bound=Document)


class Project:
    """A suite and what triage has recorded of it."""

    def __init__(self, root: str, output: str | None = None) -> None:
        self.root = root
        self.output = output

    def __repr__(self) -> str:
        return f"triage.open({self.root!r})"

    def run(
        self,
        *selectors: str,
        base: str | None = None,
        workers: int | None = None,
        env: Mapping[str, str] | None = None,
        pytest_args: Sequence[str] = (),
        ledgers: bool = True,
    ) -> RunDocument:
        """Run the suite, or some of it, and cluster what failed; `exit_code` is what the gate says.

        `base` is a commit or "auto"; `pytest_args` are what stands behind `--` on the command line.
        """
        options = _options(base=base, workers=workers)
        options += [f"--env={name}={value}" for name, value in _variables(env)]
        options += [] if ledgers else ["--no-ledgers"]
        return self._ask(RunDocument, "run", options, selectors, behind=_texts("pytest_args", pytest_args))

    def results(self, stamp: str | None = None) -> ResultsDocument:
        """Every planned test of a run (None: the latest) with its one outcome."""
        return self._ask(ResultsDocument, "results", [], _given(stamp))

    def clusters(self, stamp: str | None = None, *, everything: bool = False) -> ClustersDocument:
        """Clusters of a run (None: the latest); `everything`: resolved and merged ones too."""
        return self._ask(ClustersDocument, "clusters", ["--all"] if everything else [], _given(stamp))

    def show(self, cluster: str) -> ShowDocument:
        """All that is known of one cluster."""
        return self._ask(ShowDocument, "show", [], [cluster])

    def status(self) -> StatusDocument:
        """Where the campaign stands."""
        return self._ask(StatusDocument, "status", [], [])

    def next(self, limit: int = 10) -> NextDocument:
        """What to do next, most urgent first."""
        return self._ask(NextDocument, "next", _options(limit=limit), [])

    def probe(
        self,
        subject: str,
        *,
        budget: float | None = None,
        repeats: int | None = None,
        probes: Sequence[str] = (),
        factors: Sequence[str] = (),
    ) -> ProbeDocument:
        """Find by experiments why a cluster or a test fails. Takes minutes.

        `factors` are spelled KIND:NAME=VALUE, as `--factor` takes them.
        """
        options = _options(budget=budget, repeats=repeats)
        options += [f"--probe={name}" for name in _texts("probes", probes)]
        options += [f"--factor={text}" for text in _texts("factors", factors)]
        return self._ask(ProbeDocument, "probe", options, [subject])

    def probe_all(self, *, base: str | None = None, budget: float | None = None) -> JointDocument:
        """One joint search for the causes of everything that is red."""
        return self._ask(JointDocument, "probe", ["--all", *_options(base=base, budget=budget)], [])

    def design(self, cluster: str, *patches: str | PathLike[str]) -> DesignDocument:
        """Compare repairs by running them in a scratch copy; without patches, what the probe proposed."""
        options = [f"--option={fspath(patch)}" for patch in patches]
        return self._ask(DesignDocument, "design", options, [cluster])

    def verify(self, cluster: str) -> VerificationDocument:
        """Run the exit criteria of a cluster on the present tree; resolves what meets them all."""
        return self._ask(VerificationDocument, "verify", [], [cluster])

    def _ask(
        self,
        kind: type[_Document],
        command: str,
        options: Sequence[str],
        words: Sequence[str],
        *,
        behind: Sequence[str] = (),
    ) -> _Document:
        """Give one command, and take its document."""
        received: list[tuple[type[Document], dict[str, Any]]] = []
        where = [f"--root={self.root}", *([f"--output={self.output}"] if self.output else [])]
        named = _texts(f"the subject of {command}", words)
        # a word that begins with a dash is no option; what is pytest's goes behind all of them
        argv = [command, *where, *options, "--", *named, *behind]
        answer = {"behind": list(behind), "receive": lambda *document: received.append(document)}
        try:
            group.main(args=argv, prog_name="triage", standalone_mode=False, obj=answer)
        except click.ClickException as error:
            raise UsageError("usage", error.format_message(), "see the method's description") from error
        for its_kind, data in received:
            if its_kind is kind:
                return kind.model_validate(data)
        raise UsageError("usage", f"{command} gave no {kind.__name__}", "name a cluster, not a campaign")


def open(root: str | PathLike[str] = ".", *, output: str | PathLike[str] | None = None) -> Project:
    """The project at a folder; nothing is read before the first question.

    `output` is the folder that reports/, plans/ and .triage/ lie beneath, where that is not the root.
    """
    return Project(fspath(root), fspath(output) if output is not None else None)


def _options(**given: Any) -> list[str]:
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


def _given(word: str | None) -> list[str]:
    return [word] if word is not None else []


def _texts(what: str, values: Sequence[str | PathLike[str]]) -> list[str]:
    """The words as a command line has them; a slip is told here, where it still has a name."""
    if isinstance(values, str):
        # Python would take it for the list of its letters
        raise UsageError("usage", f"{what} is the text {values!r}, no list", f"write [{values!r}]")
    texts = []
    for value in values:
        if not isinstance(value, str | PathLike):
            raise UsageError("usage", f"{what}: {value!r} is no text", "see the method's description")
        texts.append(fspath(value))
    return texts


def _variables(env: Mapping[str, str] | None) -> list[tuple[str, str]]:
    if env is None:
        return []
    if not isinstance(env, Mapping):
        raise UsageError("usage", f"env is {env!r}, no mapping", "write {'NAME': 'value'}")
    return list(zip(_texts("a name in env", [*env]), _texts("a value in env", [*env.values()]), strict=True))
