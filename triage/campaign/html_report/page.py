"""Write the HTML report: the page that a template renders, with script and data in it."""

from __future__ import annotations

from collections.abc import Iterable

from triage.campaign.html_report.document import (
    CauseEntry,
    ClusterEntry,
    PageDocument,
    PageEvidence,
    PluginSection,
    Surroundings,
)
from triage.campaign.html_report.failures import shortened
from triage.documents.html_app.embed import APP_MARK, data_element, embed
from triage.text.markup import html

MOST_BYTES = 4_500_000
"""Of the data as it stands in the page: with script and the page without script it stays below 5 MB."""
TEXT_CHARS = 20_000
"""Of a traceback or an output; half as much, and again, until the data fits."""
FEWEST_CHARS = 300
_MOST_CAUSES, _MOST_EXPERIMENTS = 100, 10
"""Of the page without script: causes, and experiments of each."""


def page_data(
    evidence: PageEvidence, surroundings: Surroundings, *, version: str, made_at: str
) -> tuple[PageDocument, str]:
    """The document of a page and its element; texts are shortened until it is small enough."""
    characters = TEXT_CHARS
    while True:
        document = PageDocument(
            version=version,
            made_at=made_at,
            text_chars=characters,
            evidence=shortened(evidence, characters),
            surroundings=surroundings,
        )
        element = data_element(document.model_dump(mode="json"))
        if len(element) <= MOST_BYTES or characters <= FEWEST_CHARS:
            return document, element
        characters //= 2


def whole_page(rendered: str, document: PageDocument, element: str) -> str:
    """A rendered page with causes and what plugins add for those without script, the data and the script."""
    added = _causes(document.evidence.clusters)
    added += "".join(_section(section) for section in document.surroundings.sections)
    page = rendered.replace("</main>", f"{added}</main>", 1) if added else rendered
    return embed(page, element) if APP_MARK in page else page


def _causes(clusters: Iterable[ClusterEntry]) -> str:
    """The known causes with their experiments, as the page without script shows them."""
    known = [cluster for cluster in clusters if cluster.failing and cluster.cause is not None]
    entries = "".join(_cause(cluster, cluster.cause) for cluster in known[:_MOST_CAUSES] if cluster.cause)
    return f"<section><h2>Causes</h2>\n{entries}</section>\n" if entries else ""


def _cause(cluster: ClusterEntry, cause: CauseEntry) -> str:
    sentences = "".join(
        f"<li>{html(f'{each.status}: {each.sentence or each.prediction}')}</li>\n"
        for each in cluster.experiments[:_MOST_EXPERIMENTS]
    )
    head = html(f"{cluster.id}: {cause.verdict}")
    return f"<h3>{head}</h3>\n<p>{html(cause.summary)}</p>\n<ul>\n{sentences}</ul>\n"


def _section(section: PluginSection) -> str:
    """A plugin's text cannot act as markup."""
    return f"<section><h2>{html(section.name)}</h2><pre>{html(section.text)}</pre></section>\n"
