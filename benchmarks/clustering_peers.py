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

_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\d\d:\d\d:\d\d(?:\.\d+)?")
_UNIQUE = re.compile(
    r"0x[0-9a-f]+|\d+\.\d+\.\d+\.\d+(?::\d+)?|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}|\b[0-9a-f]{12,32}\b"
    r"|(?<=\.py:)\d+|/tmp/\S+|\d+\.\d+s\b"
)
_COUNTERS = 64
_CANDIDATES = 8
_LONGEST = 10_000


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
        found.append((failure.exception, str(location_of(frames, failure.nodeid.partition("::")[0]))))
    return found


def by_drain(failures: Sequence[Failure]) -> list[Hashable] | None:
    """drain3's template of the first line, with its own settings; None where it is not installed."""
    try:
        from drain3 import TemplateMiner
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None
    miner = TemplateMiner(config=TemplateMinerConfig())
    return [
        miner.add_log_message(f"{f.exception} {f.message.partition(chr(10))[0][:1000]}")["cluster_id"]
        for f in failures
    ]


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
    text = _DATE.sub("TIME", text)
    text = _UNIQUE.sub(lambda found: names.setdefault(found[0], f"UNIQ{len(names) + 1}"), text)
    return text if len(text) <= _LONGEST else text[: _LONGEST // 2] + text[-_LONGEST // 2 :]


def _clustered(indexes: Sequence[int], texts: dict[int, str]) -> dict[int, str]:
    """The key text of each index: most frequent texts become keys first."""
    frequency = Counter(texts[index] for index in indexes)
    keys: dict[str, list[int]] = {}
    chosen: dict[str, str] = {}
    for text, _ in sorted(frequency.items(), key=lambda item: (-item[1], item[0])):
        counters = _counters(text)
        chosen[text] = _match(text, counters, keys) or text
        if chosen[text] == text:
            keys[text] = counters
    return {index: chosen[texts[index]] for index in indexes}


def _match(text: str, counters: list[int], keys: dict[str, list[int]]) -> str | None:
    bounds = sorted(
        (sum(abs(a - b) for a, b in zip(counters, known, strict=True)) / 4, key)
        for key, known in keys.items()
    )
    for bound, key in bounds[:_CANDIDATES]:
        limit = (len(text) + len(key)) / 2 * 0.1
        if bound > limit or limit <= 1:
            break
        if Levenshtein.distance(text, key, score_cutoff=int(limit)) < limit:
            return key
    return None


def _counters(text: str) -> list[int]:
    counters = [0] * _COUNTERS
    data = text.encode()
    for start in range(len(data) - 3):
        counters[zlib.crc32(data[start : start + 4]) % _COUNTERS] += 1
    return counters
