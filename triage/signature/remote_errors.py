"""Give a worker's exception its frames back: process pools, joblib, dask and execnet lose them on the way.

What comes back is the exception without frames, and its traceback as text: as a cause, or in the message.
"""

from __future__ import annotations

import re

from triage.model.failure import Failure, Raised
from triage.model.traceback import HEAD, native_chain
from triage.signature.checkout import root_in_texts
from triage.text.pattern import pattern

_LOOKED_AT = 40_000
_REMOTE_TRACEBACK = pattern(
    r"(?:^|\.)_?RemoteTraceback$ | (?:^|\.)_RemoteExceptionWithTraceback$",
    matches=["multiprocessing.pool.RemoteTraceback", "joblib.externals.loky._RemoteTraceback"],
    rejects=["RemoteError", "NotRemoteTraceback"],
)
_DASK_MESSAGE = pattern(
    r"^(?P<message>.*?)\n+Traceback\n-{5,}\n(?P<frames>.*)$",
    flags=re.DOTALL,
    matches=["'mass'\n\nTraceback\n---------\n  File"],
    rejects=["Traceback (most recent call last):"],
    how="match",
)
_FENCE = '"""'
"""multiprocessing and concurrent.futures put the quoted traceback between these."""


def with_worker_frames(failure: Failure) -> Failure:
    """The failure with the frames of the worker behind the test's own; unchanged where no worker raised."""
    if not failure.chain:
        return failure
    reported, *others = failure.chain
    if reported.type.startswith("dask.") and (found := _DASK_MESSAGE.match(reported.message[:_LOOKED_AT])):
        chain = (_of_dask(found, reported, root_in_texts(failure)), *others)
        return failure.model_copy(update={"chain": chain})
    for index, raised in enumerate(others):
        worker = _of_worker(raised, reported, failure)
        if worker is not None:
            own = reported.model_copy(update={"frames": (*reported.frames[:1], *worker.frames)})
            return failure.model_copy(update={"chain": (own, *others[:index], *others[index + 1 :])})
    return failure


def _of_worker(raised: Raised, reported: Raised, failure: Failure) -> Raised | None:
    """The exception that a remote traceback quotes, where it is the reported one."""
    if _REMOTE_TRACEBACK.search(raised.type):
        quoted = raised.message.strip().strip('"').strip()
        chain = native_chain(quoted[-_LOOKED_AT:], root_in_texts(failure))
        return chain[0] if chain and _same_type(chain[0].type, reported.type) else None
    # concurrent.futures: the remote traceback was read as an exception of the reported type, with its frames
    is_twin = raised.message.rstrip().endswith(_FENCE) and _same_type(raised.type, reported.type)
    return raised if is_twin and raised.frames else None


def _same_type(one: str, other: str) -> bool:
    return one.rpartition(".")[2] == other.rpartition(".")[2]


def _of_dask(found: re.Match[str], reported: Raised, root: str | None) -> Raised:
    """dask raises a subclass of the worker's exception, and appends bare frames to the message."""
    kind = reported.type.rpartition(".")[2]
    chain = native_chain(f"{HEAD}\n{found['frames'].rstrip()}\n{kind}: x", root)
    frames = reported.frames[:1]
    if chain:
        frames = (*frames, *chain[0].frames)
    return reported.model_copy(update={"type": kind, "message": found["message"], "frames": frames})
