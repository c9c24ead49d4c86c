"""Write a badge: one small SVG with the verdict of a run, for a README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.formats.reported_run import ReportedRun
from triage.model.base_commit import BaseVerdict
from triage.text.markup import html

_LABEL = "triage"
_CHARACTER = 6.6
"""Width of a character of the font, about: SVG cannot ask for it."""
_PADDING = 10
_HEIGHT = 20
# dark enough that white text on them has a contrast of 4.5 and more
_RED, _AMBER, _GREEN, _GREY = "#b42318", "#8a5200", "#1a7f37", "#57606a"


def render_badge(run: ReportedRun) -> str:
    """The badge of a run as SVG, with its words as its title."""
    words, colour = _verdict(run.summary)
    left, right = _width(_LABEL), _width(words)
    title = html(f"{_LABEL}: {words}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img"'
        f' aria-label="{title}">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{left + right}" height="{_HEIGHT}" rx="3" fill="#424a53"/>\n'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z" fill="{colour}"/>\n'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">\n'
        f'<text x="{left / 2}" y="14">{_LABEL}</text>\n'
        f'<text x="{left + right / 2}" y="14">{html(words)}</text>\n'
        "</g>\n</svg>\n"
    )


def _width(words: str) -> int:
    return round(len(words) * _CHARACTER) + _PADDING


def _verdict(summary: Mapping[str, Any]) -> tuple[str, str]:
    """What the badge says, and its colour."""
    seen = [cluster for cluster in summary["clusters"] if cluster["failing"]]
    broken = [cluster for cluster in seen if _is_broken(cluster)]
    new = [cluster for cluster in seen if cluster["state"] in ("new", "regressed")]
    match summary["verdict"]:
        case "void":
            return "void", _GREY
        case "red" if broken:
            return f"{len(broken)} broken", _RED
        case "red" if new:
            return f"{len(new)} new", _RED
        case "red":
            return "red", _RED
        case "flaky":
            return f"{len(seen)} flaky", _AMBER
        case "known":
            return f"{len(seen)} known", _AMBER
        case _:
            return f"{summary['counts']['passed']} passed", _GREEN


def _is_broken(cluster: Mapping[str, Any]) -> bool:
    return cluster["base"] is not None and BaseVerdict(cluster["base"]).blames_change
