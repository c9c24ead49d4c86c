"""Keep runs of one test apart that took place in different surroundings, and name each by what differs.

A matrix of CI jobs, two browsers in one report, one suite in two projects: the same name stands in several
rows, and none of them is a rerun of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from triage.formats.imported_test import Facet, ImportedTest


@dataclass(frozen=True)
class Part:
    """The rows of one test in one report that ran in the same surroundings."""

    report: str
    rows: tuple[ImportedTest, ...]

    @property
    def facets(self) -> dict[str, str]:
        """What the report says of the surroundings, and the folder that it lies in.

        Two reports of one format in two folders are of two jobs; reports of two formats may well tell of one.
        """
        first = self.rows[0]
        folder = self.report.rpartition("/")[0]
        return dict(first.facets) | {f"folder of {first.source}": folder}


@dataclass
class Variant:
    """The parts that may tell of one run of a test."""

    parts: list[Part] = field(default_factory=list)
    facets: dict[str, str] = field(default_factory=dict)

    def accepts(self, part: Part) -> bool:
        """Whether nothing that both tell of their surroundings differs."""
        return all(self.facets.get(kind, value) == value for kind, value in part.facets.items())

    def add(self, part: Part) -> None:
        """Take another report's account of the same run."""
        self.parts.append(part)
        self.facets = part.facets | self.facets


def variants_of(rows: Iterable[tuple[str, ImportedTest]]) -> list[Variant]:
    """Group the rows of one test, each with the name of its report, in reading order."""
    by_surroundings: dict[tuple[str, tuple[Facet, ...]], list[ImportedTest]] = {}
    for report, row in rows:
        by_surroundings.setdefault((report, row.facets), []).append(row)
    variants: list[Variant] = []
    for (report, _), own in by_surroundings.items():
        part = Part(report, tuple(own))
        fitting = [variant for variant in variants if variant.accepts(part)]
        if not fitting:
            fitting = [Variant()]
            variants += fitting
        _nearest(fitting, part).add(part)
    return variants


def _nearest(variants: Sequence[Variant], part: Part) -> Variant:
    """The variant with a report in the same folder, else the first."""
    folder = part.report.rpartition("/")[0]
    for variant in variants:
        if any(other.report.rpartition("/")[0] == folder for other in variant.parts):
            return variant
    return variants[0]


def labels_of(variants: Sequence[Variant]) -> list[str]:
    """Name each variant by what differs: first by the report's path, which is the same in every run."""
    candidates = [_paths(variants), *_facet_labels(variants)]
    for labels in candidates:
        if _tells_all_apart(labels):
            return labels
    together = []
    for labels_of_variant in zip(*candidates, strict=True):
        told = dict.fromkeys(label for label in labels_of_variant if label)
        together.append(", ".join(told))
    if _tells_all_apart(together):
        return together
    return [f"{label} #{number}".strip() for number, label in enumerate(together, start=1)]


def _tells_all_apart(labels: Sequence[str]) -> bool:
    return "" not in labels and len(set(labels)) == len(labels)


def _paths(variants: Sequence[Variant]) -> list[str]:
    """What is not common to the paths of the reports; empty where all are in one report."""
    paths = [PurePosixPath(variant.parts[0].report).with_suffix("").parts for variant in variants]
    common = set(paths[0]).intersection(*paths[1:])
    return ["/".join(part for part in path if part not in common) for path in paths]


def _facet_labels(variants: Sequence[Variant]) -> list[list[str]]:
    """The values of each kind that some variants differ in."""
    kinds = dict.fromkeys(kind for variant in variants for kind in variant.facets)
    found = []
    for kind in kinds:
        values = [variant.facets.get(kind, "") for variant in variants]
        if len(set(values)) > 1:
            found.append(values)
    return found
