"""Meter and treatment: hand-written backward functions against central differences.

The meter checks each `torch.autograd.Function` at the values with which the test first calls it, over a
sweep of step sizes: the error of a right gradient falls with the square of the step until round-off, that of
a wrong one stays. Settings {"numeric": ["module.Class"]} put central differences in place of these functions.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.imports import when_imported

_NUMERIC: set[str] = set(settings("backwards").get("numeric", ()))
_METER = not settings("backwards")
_WRITER = Writer("backwards")
_STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_WRONG = 1e-3
_MOST_ELEMENTS = 400
_seen: set[str] = set()
_busy = False


def _patch(torch: ModuleType) -> None:
    function = torch.autograd.Function
    real = function.apply.__func__

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        global _busy  # noqa: PLW0603 - the meter's own calls are not measured
        name = f"{cls.__module__}.{cls.__qualname__}"
        if _busy or cls.__module__.startswith("torch."):
            return real(cls, *args, **kwargs)
        if name in _NUMERIC:
            return _by_differences(torch, real, cls, args)
        if _METER and name not in _seen:
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
    return [
        n for n, value in enumerate(args) if isinstance(value, torch.Tensor) and value.is_floating_point()
    ]


def _pattern(torch: Any, value: Any, shift: float) -> Any:
    """A direction without symmetry, the same in every run."""
    numbers = torch.arange(value.numel(), dtype=value.dtype, device=value.device)
    return torch.cos(numbers * 1.7 + shift).reshape(value.shape)


def _sweep(torch: Any, real: Any, cls: Any, name: str, args: tuple[Any, ...]) -> None:
    places = _differentiable(torch, args)
    wide = [value.detach().double() if n in places else value for n, value in enumerate(args)]
    inputs = [wide[n].clone().requires_grad_() for n in places]
    directions = [_pattern(torch, value, 0.3 * n) for n, value in enumerate(inputs)]

    def along(step: float) -> Any:
        moved = list(wide)
        for n, direction in zip(places, directions, strict=True):
            moved[n] = wide[n] + step * direction
        with torch.no_grad():
            out = real(cls, *moved)
        return (out * _pattern(torch, out, 0.7)).sum()

    whole = list(wide)
    for n, value in zip(places, inputs, strict=True):
        whole[n] = value
    with torch.enable_grad():
        out = real(cls, *whole)
        given = torch.autograd.grad(
            (out * _pattern(torch, out.detach(), 0.7)).sum(), inputs, allow_unused=True
        )
    analytic = sum(float((g * d).sum()) for g, d in zip(given, directions, strict=True) if g is not None)
    errors = []
    for step in _STEPS:
        numeric = float(along(step) - along(-step)) / (2 * step)
        errors.append(abs(numeric - analytic) / max(abs(numeric), abs(analytic), 1e-12))
    code = cls.backward.__code__
    _WRITER.write(
        "function", name=name, file=code.co_filename, line=code.co_firstlineno, errors=errors,
        wrong=min(errors) > _WRONG, analytic=analytic, numeric=numeric,
    )  # fmt: skip


def _by_differences(torch: Any, real: Any, cls: Any, args: tuple[Any, ...]) -> Any:
    places = _differentiable(torch, args)
    if sum(args[n].numel() for n in places) > _MOST_ELEMENTS:
        _WRITER.write("missed", missed=f"{cls.__qualname__} is called with too many numbers")
        return real(cls, *args)

    def value(*tensors: Any) -> Any:
        whole = list(args)
        for n, tensor in zip(places, tensors, strict=True):
            whole[n] = tensor
        with torch.no_grad():
            return real(cls, *whole)

    class Differences(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            return value(*tensors).clone()

        @staticmethod
        def backward(ctx: Any, came: Any) -> Any:
            return tuple(_gradient(value, ctx.saved_tensors, n, came) for n in range(len(places)))

    return real(Differences, *(args[n] for n in places))


def _gradient(value: Any, tensors: Any, which: int, came: Any) -> Any:
    base = tensors[which]
    step = 1e-6 if "64" in str(base.dtype) else 1e-3
    result = base.new_zeros(base.numel())
    for place in range(base.numel()):
        sides = []
        for sign in (step, -step):
            moved = base.detach().clone().reshape(-1)
            moved[place] += sign
            changed = [moved.reshape(base.shape) if n == which else t.detach() for n, t in enumerate(tensors)]
            sides.append(value(*changed))
        result[place] = (came * (sides[0] - sides[1])).sum() / (2 * step)
    return result.reshape(base.shape)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for torch."""
    when_imported("torch", _patch)
