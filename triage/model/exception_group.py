"""Take the failures of an exception group apart: each member is a failure of its own.

A group says only how many there were. Which of them come together is chance: a property test that found one
bug in this run and two in the next has the first bug in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage.model.failure import Failure, Frame, Raised
from triage.model.traceback import HEAD


@dataclass
class _Node:
    """One exception with its place in the chain."""

    raised: Raised
    causes: tuple[Raised, ...] = ()
    """Its causes and contexts with all that belongs to them, as they stand in the chain."""
    members: list[_Node] = field(default_factory=list)


@dataclass(frozen=True)
class _Leaf:
    """A member that is no group."""

    node: _Node
    frames: tuple[Frame, ...]
    """From the test to where it was raised: the frames of the groups around it, then its own."""


def members_apart(failure: Failure) -> tuple[Failure, ...]:
    """One failure for each member of the reported exception group; the failure itself where it is none."""
    if not failure.chain or not failure.chain[0].members:
        return (failure,)
    group, _ = _read(failure.chain, 0)
    leaves = list(_leaves(group, ()))
    title = f"{group.raised.type}: {group.raised.message.strip().partition(chr(10))[0]}"
    return tuple(
        _failure_of(leaf, failure, title, f"{number} of {len(leaves)}")
        for number, leaf in enumerate(leaves, start=1)
    )


def _read(chain: Sequence[Raised], at: int) -> tuple[_Node, int]:
    """The exception at an index with all that belongs to it, and the index behind.

    A chain has each exception's cause or context before the members of its group.
    """
    node = _Node(chain[at])
    at += 1
    if at < len(chain) and chain[at].relation in ("cause", "context"):
        start = at
        _, at = _read(chain, at)
        node.causes = tuple(chain[start:at])
    for _ in range(node.raised.members):
        if at == len(chain) or chain[at].relation != "member":
            break  # the chain was cut at its limit
        member, at = _read(chain, at)
        node.members.append(member)
    return node, at


def _leaves(node: _Node, outer: tuple[Frame, ...]) -> Iterator[_Leaf]:
    frames = (*outer, *node.raised.frames)
    if not node.members:
        yield _Leaf(node, frames)
    for member in node.members:
        yield from _leaves(member, frames)


def _failure_of(leaf: _Leaf, failure: Failure, title: str, which: str) -> Failure:
    own = leaf.node.raised.model_copy(update={"relation": "raised", "frames": leaf.frames, "members": 0})
    text = "\n".join((title, f"exception {which}:", "", *_traceback(own)))
    return failure.model_copy(
        update={"chain": (own, *leaf.node.causes), "longrepr": text, "group": f"{title} ({which})"}
    )


def _traceback(raised: Raised) -> Iterator[str]:
    """The exception as Python prints it: the text of the failure shows the whole group."""
    if raised.frames:
        yield HEAD
    for frame in raised.frames:
        line = "" if frame.lineno is None else f", line {frame.lineno}"
        yield f'  File "{frame.path}"{line}, in {frame.function or "?"}'
        if frame.code:
            yield f"    {frame.code}"
    yield f"{raised.type}: {raised.message}" if raised.message else raised.type
    yield from raised.notes
