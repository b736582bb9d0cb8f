"""Axes of charts: nice ranges, nice ticks, places in percent. Numbers only, no markup."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self

from evalhub.web.formatting import MINUS

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A stretch of numbers drawn from the left edge to the right edge."""

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        _must_rise(self.low, self.high)

    @classmethod
    def of(cls, low: float, high: float, *, steps: int = 4) -> Self:
        """Return the axis with exactly these ends."""
        _must_rise(low, high)
        return cls(low=low, high=high, step=nice_step(high - low, steps))

    @classmethod
    def around(cls, values: Iterable[float], *, steps: int = 4) -> Self:
        """Return an axis with nice ends that holds all finite values."""
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if low == high:
            pad = abs(low) / 10 or 1.0
            low, high = low - pad, high + pad
        step = nice_step(high - low, steps)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return cls(low=_exact(first, step), high=_exact(last, step), step=step)

    @property
    def ticks(self) -> list[float]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [_exact(index, self.step) for index in range(first, last + 1)]

    @property
    def digits(self) -> int:
        """The decimals that tell neighboring ticks apart."""
        return decimals_of_step(self.step)

    def share(self, value: float) -> float:
        """Return where a value stands, from 0 to 100, also beyond the ends."""
        return 100 * (value - self.low) / (self.high - self.low)

    def percent(self, value: float) -> str:
        return f"{self.share(value):.2f}%"

    def holds(self, value: float) -> bool:
        slack = (self.high - self.low) * 1e-9
        return self.low - slack <= value <= self.high + slack

    def write(self, value: float, *, signed: bool = False) -> str:
        """Write a tick: no more decimals than the step needs, a real minus sign."""
        text = f"{abs(value):.{0 if value == round(value) else self.digits}f}"
        if not text.strip("0."):
            return "0"
        return MINUS + text if value < 0 else f"+{text}" if signed else text


def _must_rise(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"an axis runs from a lower to a higher number, not from {low} to {high}")


def nice_step(span: float, steps: int) -> float:
    """Return the smallest step of 1, 2, 2.5 or 5 times a power of ten, with so many at most."""
    raw = span / max(steps, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    factor = next((factor for factor in _STEPS if factor * power >= raw * (1 - 1e-9)), _STEPS[-1])
    return factor * power


def decimals_of_step(step: float) -> int:
    exponent = math.floor(math.log10(step) + 1e-9)
    mantissa = step / 10.0**exponent
    return max(0, -exponent + (1 if abs(mantissa - 2.5) < 1e-6 else 0))


def _exact(index: int, step: float) -> float:
    """Return index times step without the dust of binary fractions."""
    return round(index * step, decimals_of_step(step) + 2) + 0.0


Writer = Callable[[float], str]
