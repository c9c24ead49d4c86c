"""What other systems do, written for the comparison only: keys, drain3, the edit-distance rule of Kubernetes.

The Kubernetes rule: dates become TIME, other accidental tokens UNIQ1, UNIQ2 in the order of appearance;
texts are clustered within each test first, then over all tests, most frequent first; a text joins the
first of its 8 best candidates within an edit distance of a tenth of the mean length, where candidates
are sorted by a lower bound from 64 counters of hashed 4-grams.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from rapidfuzz.distance import Levenshtein

from triage.model.failure import Failure
from triage.signature.location import location_of
from triage.signature.masking import masked
from triage.text.pattern import pattern

_DATE = pattern(
    r"""
      \d{4}-\d\d-\d\d [T ] \d\d:\d\d:\d\d \S*
    | \d\d:\d\d:\d\d (?: \.\d+ )?
    """,
    matches=["2026-01-01T00:00:00Z", "12:30:01.5"],
    rejects=["12:30", "2026-01-01"],
)
_UNIQUE = pattern(
    r"""
      0x [0-9a-f]+                                    # an address in memory
    | \d+ \. \d+ \. \d+ \. \d+ (?: : \d+ )?         # an address in a network
    | [0-9a-f]{8} - [0-9a-f]{4} - [0-9a-f-]{22,}      # a UUID
    | \b [0-9a-f]{12,32} \b                          # a digest or container id
    | (?<= \.py: ) \d+                                # a line of a source file
    | /tmp/ \S+
    | \d+ \. \d+ s \b                                # a duration
    """,
    matches=["0x7f12ab", "10.0.0.1:80", "d41d8cd98f00", "a.py:14", "/tmp/x/y", "1.52s"],
    rejects=["14", "a.py", "1.5"],
)
_COUNTERS = 64
_CANDIDATES = 8
_RELATIVE_DISTANCE = 0.1
"""Edits from which on two texts are different ones, of their mean length."""
_COUNTERS_AN_EDIT = 4
"""An edit touches four 4-grams at most: differences of counters divided by it are a lower bound of edits."""
_LONGEST_LINE = 1_000
"""Characters of a log message: drain3 takes it apart word by word."""
_LONGEST = 10_000
"""Characters of a text that are compared; of a longer one the beginning and the end."""


def by_exception(failures: Sequence[Failure]) -> list[Hashable]:
    """The exception type."""
    return [failure.exception for failure in failures]


def by_file(failures: Sequence[Failure]) -> list[Hashable]:
    """The test file."""
    return [failure.nodeid.partition("::")[0] for failure in failures]


def by_first_line(failures: Sequence[Failure]) -> list[Hashable]:
    """The masked first line of the message, as LUCI and others key."""
    return [masked(failure.message.partition("\n")[0]) for failure in failures]


def by_frame(failures: Sequence[Failure]) -> list[Hashable]:
    """Exception and last product frame, the test file where there is none."""
    found: list[Hashable] = []
    for failure in failures:
        frames = failure.chain[0].frames if failure.chain else ()
        test_file = failure.nodeid.partition("::")[0]
        found.append((failure.exception, str(location_of(frames, test_file))))
    return found


def by_drain(failures: Sequence[Failure]) -> list[Hashable] | None:
    """drain3's template of the first line, with its own settings; None where it is not installed."""
    try:
        from drain3 import TemplateMiner
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None
    miner = TemplateMiner(config=TemplateMinerConfig())
    found: list[Hashable] = []
    for failure in failures:
        first_line = failure.message.partition("\n")[0]
        added = miner.add_log_message(f"{failure.exception} {first_line[:_LONGEST_LINE]}")
        found.append(added["cluster_id"])
    return found


def by_edit_distance(failures: Sequence[Failure]) -> list[Hashable]:
    """The Kubernetes rule on the text that a report shows."""
    texts = [_normalised(failure.longrepr or failure.message) for failure in failures]
    per_test: dict[str, list[int]] = defaultdict(list)
    for index, failure in enumerate(failures):
        per_test[failure.nodeid.partition("[")[0]].append(index)
    key_of: dict[int, str] = {}
    for _, indexes in sorted(per_test.items()):
        key_of.update(_clustered(indexes, {index: texts[index] for index in indexes}))
    keys = {index: key_of[index] for index in range(len(failures))}
    merged = _clustered(list(keys), keys)
    return [merged[index] for index in range(len(failures))]


def _normalised(text: str) -> str:
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"UNIQ{len(names) + 1}")

    text = _UNIQUE.sub(named, _DATE.sub("TIME", text))
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return text[:half] + text[-half:]


def _clustered(indexes: Sequence[int], texts: dict[int, str]) -> dict[int, str]:
    """The key text of each index: most frequent texts become keys first."""
    frequency = Counter(texts[index] for index in indexes)
    counters_of_key: dict[str, list[int]] = {}
    key_of_text: dict[str, str] = {}
    for text, _ in sorted(frequency.items(), key=lambda item: (-item[1], item[0])):
        counters = _counters(text)
        key = _nearest_key(text, counters, counters_of_key)
        if key is None:
            counters_of_key[text] = counters
            key = text
        key_of_text[text] = key
    return {index: key_of_text[texts[index]] for index in indexes}


def _nearest_key(text: str, counters: list[int], counters_of_key: dict[str, list[int]]) -> str | None:
    """The first of the best candidates that is near enough; None where none is."""
    candidates = []
    for key, known in counters_of_key.items():
        difference = sum(abs(own - other) for own, other in zip(counters, known, strict=True))
        candidates.append((difference / _COUNTERS_AN_EDIT, key))
    for least_edits, key in sorted(candidates)[:_CANDIDATES]:
        limit = (len(text) + len(key)) / 2 * _RELATIVE_DISTANCE
        if least_edits > limit or limit <= 1:
            return None
        if Levenshtein.distance(text, key, score_cutoff=int(limit)) < limit:
            return key
    return None


def _counters(text: str) -> list[int]:
    """How many 4-grams of the text fall to each counter."""
    counters = [0] * _COUNTERS
    data = text.encode()
    for start in range(len(data) - 3):
        counters[zlib.crc32(data[start : start + 4]) % _COUNTERS] += 1
    return counters
