"""Treatment: plant breaks in the differentiated path and see whether the test notices.

Before its ordinary run each test is run once for each break, in the same process: the differentiated
output detached from its graph (as by `.detach()` or `.item()` in the product), one leaf cut off from the
graph, a signal that is zero everywhere, and further leaves while time is left. A test that passes with
any of them would not notice such a break. The ordinary run comes last and must pass: it shows that no
break was left behind.

To cut off a leaf changes nothing before the gradients are there. Where the process may be forked, all such
breaks share one run up to there (see `triage.instruments.branches`).
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.branches import Branched, branch, may_branch
from triage.instruments.imports import when_imported
from triage.instruments.names import tensors_by_name
from triage.instruments.reruns import Rerun, renew_fixtures, run_again

_ROOT = os.getcwd()
_WRITER = Writer("sabotage")
_MAX_LEAVES = int(settings("sabotage").get("leaves", 6))
_MAX_SECONDS = float(settings("sabotage").get("seconds", 12.0))
_LEAST_BRANCH_SECONDS, _TIMES_SLOWER = 5.0, 3.0
"""What a child gets for the rest of a test, or so many times what the whole test took; then its break is
tried as the others are."""
_MAX_NODES = 20_000
"""A larger graph is searched in part."""


class _Plan:
    """The break that is planted now, and the leaves that backward calls have reached so far."""

    mode: str | None = None
    """`output`, `zero`, `leaf:NAME`, `branch`, or None in the ordinary run."""
    branches: list[str] = []
    """Modes that a run in the mode `branch` goes on with, each in a child."""
    branch_seconds = 0.0
    ended: list[str] = []
    """Those of them whose child has said what came of the test."""
    is_child = False
    calls = 0
    leaves: list[str] = []
    nested = False
    """Whether an outer call is spoiled already: `Tensor.backward` calls `autograd.backward`."""


def _patch(torch: ModuleType) -> None:
    autograd = torch.autograd
    torch.Tensor.backward = _broken_backward(torch, torch.Tensor.backward)
    autograd.backward = _broken_backward(torch, autograd.backward)
    autograd.grad = _broken_grad(torch, autograd.grad)


def _broken_backward(torch: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        if _Plan.mode is None or _Plan.nested:
            return real(tensors, *args, **kwargs)
        reached = _named_leaves(torch, tensors)
        before = {id(leaf): leaf.grad for _, leaf in reached}
        _Plan.nested = True
        try:
            result = real(_spoiled(tensors), *args, **kwargs)
        finally:
            _Plan.nested = False
        _take_branches()
        for name, leaf in reached:
            if _Plan.mode == f"leaf:{name}":
                leaf.grad = before[id(leaf)]
        return result

    return call


def _broken_grad(torch: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if _Plan.mode is None or _Plan.nested:
            return real(outputs, inputs, *args, **kwargs)
        names = {id(leaf): name for name, leaf in _named_leaves(torch, outputs)}
        _Plan.nested = True
        try:
            result = real(_spoiled(outputs), inputs, *args, **kwargs)
        finally:
            _Plan.nested = False
        _take_branches()
        wanted = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        is_cut = [f"leaf:{names.get(id(tensor))}" == _Plan.mode for tensor in wanted]
        if any(is_cut) and not kwargs.get("allow_unused"):
            # in the words of torch, which a test may match
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph."
            )
        return tuple(None if cut else value for cut, value in zip(is_cut, result, strict=True))

    return call


def _take_branches() -> None:
    """In the mode `branch`: go on in a child for each break; ends the test in the process itself."""
    if _Plan.mode != "branch":
        return
    mode, _Plan.ended = branch(_Plan.branches, _Plan.branch_seconds)
    if mode is None:
        raise Branched
    _Plan.mode, _Plan.is_child = mode, True


def _spoiled(tensors: Any) -> Any:
    """The differentiated outputs with the planned break."""
    if isinstance(tensors, list | tuple):
        return type(tensors)(_spoiled(tensor) for tensor in tensors)
    if _Plan.mode == "output":
        return tensors.detach()
    if _Plan.mode == "zero":
        return tensors * 0
    return tensors


def _named_leaves(torch: ModuleType, roots: Any) -> list[tuple[str, Any]]:
    """Leaves that the graph reaches, by the names that the test's frames give them; the plan notes these."""
    _Plan.calls += 1
    # of several names the first is the best
    known = {id(tensor): name for name, tensor in reversed(tensors_by_name(torch, _ROOT))}
    leaves = _reached(list(roots) if isinstance(roots, list | tuple) else [roots])
    named = []
    for number, leaf in enumerate(leaves):
        name = known.get(id(leaf), f"leaf {number}")
        named.append((name, leaf))
        if name not in _Plan.leaves:
            _Plan.leaves.append(name)
    return named


def _reached(roots: list[Any]) -> list[Any]:
    """Leaves of the graph of these roots."""
    found: dict[int, Any] = {}
    todo = [root.grad_fn for root in roots if getattr(root, "grad_fn", None) is not None]
    seen: set[Any] = set()
    while todo and len(seen) < _MAX_NODES:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            found.setdefault(id(variable), variable)
        todo.extend(above for above, _ in node.next_functions if above is not None)
    return list(found.values())


def _run_with(item: pytest.Item, nextitem: pytest.Item | None, mode: str) -> None:
    """Run the test once with a break planted, and record what came of it."""
    _Plan.mode, _Plan.calls = mode, 0
    try:
        rerun = run_again(item, nextitem)
    finally:
        _Plan.mode = None
    _write(item, mode, rerun)


def _write(item: pytest.Item, mode: str, rerun: Rerun) -> None:
    _WRITER.write(
        "sabotage",
        nodeid=item.nodeid,
        mode=mode,
        calls=_Plan.calls,
        outcome=rerun.outcome,
        said=rerun.message,
        branched=_Plan.is_child,
    )


def _run_branches(item: pytest.Item, nextitem: pytest.Item | None, modes: list[str], seconds: float) -> None:
    """Run the test up to its first gradients, and from there once with each of these breaks."""
    _Plan.mode, _Plan.calls, _Plan.ended = "branch", 0, []
    _Plan.branches, _Plan.branch_seconds = modes, seconds
    rerun = run_again(item, nextitem)
    mode, _Plan.mode = _Plan.mode, None
    if _Plan.is_child:
        assert mode is not None
        _write(item, mode, rerun)
        os._exit(0)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for torch."""
    when_imported("torch", _patch)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Plant the breaks, then leave the test to its ordinary run."""
    _Plan.leaves = []
    began = time.monotonic()
    _run_with(item, nextitem, "output")
    # with one leaf only, to cut it off is to detach the output
    leaves = [f"leaf:{name}" for name in _Plan.leaves[:_MAX_LEAVES]] if len(_Plan.leaves) > 1 else []
    if leaves and may_branch(item):
        seconds = max(_LEAST_BRANCH_SECONDS, _TIMES_SLOWER * (time.monotonic() - began))
        _run_branches(item, nextitem, leaves, seconds)
        leaves = [mode for mode in leaves if mode not in _Plan.ended]
    for mode in (*leaves[:1], "zero"):
        _run_with(item, nextitem, mode)
    for mode in leaves[1:]:
        if time.monotonic() - began < _MAX_SECONDS:
            _run_with(item, nextitem, mode)
    renew_fixtures(item)
