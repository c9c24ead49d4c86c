"""Meter and treatment: compare hand-written backward functions with central differences, or replace them.

The meter checks each `torch.autograd.Function` at the values with which the test first calls it, over a
sweep of step sizes: the error of a right gradient falls with the square of the step until round-off, that
of a wrong one stays. Settings {"numeric": ["module.Class"]} put central differences in place of these
functions.
"""

from __future__ import annotations

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
    wide = [value.detach().double() if n in positions else value for n, value in enumerate(args)]
    inputs = [wide[n].clone().requires_grad_() for n in positions]
    directions = [_direction(torch, value, 0.3 * n) for n, value in enumerate(inputs)]

    def value_at(step: float) -> Any:
        """The output, reduced to one number, with the inputs moved by `step` along the directions."""
        moved = list(wide)
        for n, direction in zip(positions, directions, strict=True):
            moved[n] = wide[n] + step * direction
        with torch.no_grad():
            out = real(cls, *moved)
        return (out * _direction(torch, out, 0.7)).sum()

    arguments = list(wide)
    for n, value in zip(positions, inputs, strict=True):
        arguments[n] = value
    with torch.enable_grad():
        out = real(cls, *arguments)
        given = torch.autograd.grad(
            (out * _direction(torch, out.detach(), 0.7)).sum(), inputs, allow_unused=True
        )
    analytic = sum(float((g * d).sum()) for g, d in zip(given, directions, strict=True) if g is not None)
    errors = []
    for step in _STEPS:
        numeric = float(value_at(step) - value_at(-step)) / (2 * step)
        errors.append(abs(numeric - analytic) / max(abs(numeric), abs(analytic), 1e-12))
    code = cls.backward.__code__
    _WRITER.write(
        "function", name=name, file=code.co_filename, line=code.co_firstlineno, errors=errors,
        wrong=min(errors) > _WRONG, analytic=analytic, numeric=numeric,
    )  # fmt: skip


def _by_differences(torch: Any, real: Any, cls: Any, args: tuple[Any, ...]) -> Any:
    """Call the function with a backward by central differences; its own where that would take too long."""
    positions = _differentiable(torch, args)
    if sum(args[n].numel() for n in positions) > _MAX_ELEMENTS:
        _WRITER.write("missed", missed=f"{cls.__qualname__} is called with too many numbers")
        return real(cls, *args)

    def value(*tensors: Any) -> Any:
        arguments = list(args)
        for n, tensor in zip(positions, tensors, strict=True):
            arguments[n] = tensor
        with torch.no_grad():
            return real(cls, *arguments)

    class Differences(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            return value(*tensors).clone()

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return tuple(_differences(value, ctx.saved_tensors, n, gradient) for n in range(len(positions)))

    return real(Differences, *(args[n] for n in positions))


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
