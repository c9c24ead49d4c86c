"""Meter and treatment: compare hand-written backward functions with central differences, or replace them.

The meter checks each `torch.autograd.Function` at the values with which the test first calls it, over a
sweep of step sizes: the error of a right gradient falls with the square of the step until round-off, that
of a wrong one stays. Settings {"numeric": ["module.Class"]} put central differences in place of these
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.imports import when_imported

_REPLACED: set[str] = set(settings("backwards").get("numeric", ()))
_IS_METER = not settings("backwards")
_WRITER = Writer("backwards")
_STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_WRONG = 1e-3
"""Relative error that a right gradient stays below at its best step, in double precision."""
_LEAST = 1e-12
"""Gradients below it are taken for zero: their relative error says nothing."""
_SHIFT = 0.3
"""From the direction of one input to that of the next, so that inputs of one shape move differently."""
_SHIFT_OF_OUTPUT = 0.7
"""Of the weights of an output: other than those of any input's direction."""
_MAX_ELEMENTS = 400
"""Central differences call the function twice for each number of its inputs."""
_seen: set[str] = set()
_busy = False
"""Whether the meter itself calls the function now."""


def _patch(torch: ModuleType) -> None:
    """Put a check before `torch.autograd.Function.apply`."""
    function = torch.autograd.Function
    real = function.apply.__func__

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        global _busy  # noqa: PLW0603 - one test runs at a time
        name = f"{cls.__module__}.{cls.__qualname__}"
        if _busy or cls.__module__.startswith("torch."):
            return real(cls, *args, **kwargs)
        if name in _REPLACED:
            return _by_differences(torch, real, cls, args)
        if _IS_METER and name not in _seen:
            _seen.add(name)
            _busy = True
            try:
                _sweep(torch, real, cls, name, args)
            except Exception as error:
                _WRITER.write("trouble", name=name, error=repr(error))
            finally:
                _busy = False
        return real(cls, *args, **kwargs)

    function.apply = classmethod(apply)


def _differentiable(torch: Any, args: tuple[Any, ...]) -> list[int]:
    """Positions of the arguments that have a gradient."""
    found = []
    for position, value in enumerate(args):
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            found.append(position)
    return found


def _direction(torch: Any, value: Any, shift: float) -> Any:
    """A direction in the space of `value`, without symmetry and the same in every run."""
    numbers = torch.arange(value.numel(), dtype=value.dtype, device=value.device)
    return torch.cos(numbers * 1.7 + shift).reshape(value.shape)


def _sweep(torch: Any, real: Any, cls: Any, name: str, args: tuple[Any, ...]) -> None:
    """Record the error of the gradient along one direction, for each step size."""
    positions = _differentiable(torch, args)
    in_double = list(args)
    for position in positions:
        in_double[position] = args[position].detach().double()
    inputs = [in_double[position].clone().requires_grad_() for position in positions]
    directions = [_direction(torch, value, _SHIFT * number) for number, value in enumerate(inputs)]

    def reduced(out: Any) -> Any:
        """One number of an output; all of its elements count, each with another weight."""
        return (out * _direction(torch, out.detach(), _SHIFT_OF_OUTPUT)).sum()

    def value_at(step: float) -> Any:
        """The output, reduced, with the inputs moved by `step` along the directions."""
        moved = list(in_double)
        for position, direction in zip(positions, directions, strict=True):
            moved[position] = in_double[position] + step * direction
        with torch.no_grad():
            return reduced(real(cls, *moved))

    with torch.enable_grad():
        out = real(cls, *_with(in_double, positions, inputs))
        gradients = torch.autograd.grad(reduced(out), inputs, allow_unused=True)
    analytic = 0.0
    for gradient, direction in zip(gradients, directions, strict=True):
        if gradient is not None:
            analytic += float((gradient * direction).sum())
    errors = []
    for step in _STEPS:
        numeric = float(value_at(step) - value_at(-step)) / (2 * step)
        larger = max(abs(numeric), abs(analytic), _LEAST)
        errors.append(abs(numeric - analytic) / larger)
    code = cls.backward.__code__
    _WRITER.write(
        "function", name=name, file=code.co_filename, line=code.co_firstlineno, errors=errors,
        wrong=min(errors) > _WRONG, analytic=analytic, numeric=numeric,
    )  # fmt: skip


def _with(args: Sequence[Any], positions: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """The arguments with these values at these positions."""
    changed = list(args)
    for position, value in zip(positions, values, strict=True):
        changed[position] = value
    return changed


def _by_differences(torch: Any, real: Any, cls: Any, args: tuple[Any, ...]) -> Any:
    """Call the function with a backward by central differences; its own where that would take too long."""
    positions = _differentiable(torch, args)
    inputs = [args[position] for position in positions]
    if sum(value.numel() for value in inputs) > _MAX_ELEMENTS:
        _WRITER.write("missed", missed=f"{cls.__qualname__} is called with too many numbers")
        return real(cls, *args)

    def value(*tensors: Any) -> Any:
        with torch.no_grad():
            return real(cls, *_with(args, positions, tensors))

    class Differences(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            return value(*tensors).clone()

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            saved = ctx.saved_tensors
            return tuple(_differences(value, saved, which, gradient) for which in range(len(saved)))

    return real(Differences, *inputs)


def _differences(value: Any, tensors: Any, which: int, gradient: Any) -> Any:
    """Gradient of the loss for one input by central differences; `gradient` is that for the output."""
    base = tensors[which]
    # near the cube root of the precision, where round-off and the error of the formula are alike
    step = 1e-6 if "64" in str(base.dtype) else 1e-3
    result = base.new_zeros(base.numel())
    for element in range(base.numel()):
        outputs = []
        for change in (step, -step):
            moved = base.detach().clone().reshape(-1)
            moved[element] += change
            inputs = [tensor.detach() for tensor in tensors]
            inputs[which] = moved.reshape(base.shape)
            outputs.append(value(*inputs))
        result[element] = (gradient * (outputs[0] - outputs[1])).sum() / (2 * step)
    return result.reshape(base.shape)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for torch."""
    when_imported("torch", _patch)
