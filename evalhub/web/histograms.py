"""Histograms: how scores are spread, in at most about two dozen bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from numpy.typing import NDArray

from evalhub.web import formatting
from evalhub.web.axes import Axis, nice_step
from evalhub.web.charts import picture

MAX_BINS: Final = 24
MAX_OPTIONS: Final = 11
_HEIGHT: Final = 84
_FEWEST_BINS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Values counted into bars. `labels` name each bar, `ticks` stand under the axis."""

    counts: tuple[int, ...]
    labels: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    median: float | None
    median_bin: int | None
    unscored: int
    digits: int

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def rows(self) -> list[tuple[str, int]]:
        """The numbers of the picture, for the table beside it."""
        return list(zip(self.labels, self.counts, strict=True))

    @property
    def summary(self) -> str:
        """One sentence that says what the picture shows."""
        if self.median is None:
            return "No values yet."
        fullest = self.labels[self.counts.index(max(self.counts))]
        return (
            f"{formatting.plural(self.n, 'value')}, most often {fullest}, "
            f"median {formatting.number(self.median, self.digits)}."
        )


def bins_of(
    values: NDArray[np.float64], *, low: float | None = None, high: float | None = None
) -> Bins:
    """Count values into bars of a nice width, or one bar an option where there are few options.

    NaN means unscored. Without ends the bars span the values.
    """
    scored = values[np.isfinite(values)]
    unscored = int(values.size - scored.size)
    if low is None or not math.isfinite(low):
        low = float(scored.min()) if scored.size else 0.0
    if high is None or not math.isfinite(high):
        high = float(scored.max()) if scored.size else 1.0
    if _are_options(scored, low, high):
        return _options(scored, unscored, round(low), round(high))
    return _stretches(scored, unscored, low, high)


def histogram(bins: Bins, *, label: str = "", height: int = _HEIGHT) -> SafeString:
    """Draw the bars; the one that holds the median is colored."""
    n, top = len(bins.counts), max(bins.counts, default=0) or 1
    bars = format_html_join(
        "",
        '<rect class="bar{}" x="{}%" width="{}%" y="{}" height="{}"><title>{}: {}</title></rect>',
        (
            (
                " hi" if index == bins.median_bin else "",
                f"{100 * index / n + 0.4:.2f}",
                f"{100 / n - 0.8:.2f}",
                f"{height - tall:.1f}",
                f"{tall:.1f}",
                name,
                formatting.count(count),
            )
            for index, (name, count) in enumerate(bins.rows)
            for tall in (_tall(count, top, height),)
        ),
    )
    ground = format_html(
        '<line class="axis" x1="0" x2="100%" y1="{}.5" y2="{}.5"/>', height, height
    )
    ticks = format_html_join(
        "",
        '<text class="{}" x="{}%" y="{}">{}</text>',
        (
            ("mid" if 0 < at < 100 else "end" if at >= 100 else "", f"{at:.2f}", height + 14, text)
            for at, text in bins.ticks
        ),
    )
    return picture(height + 18, label or bins.summary, format_html("{}{}{}", bars, ground, ticks))


def _tall(count: int, top: int, height: int) -> float:
    """Return a bar's height; what is not empty is never invisible."""
    return max((height - 6) * count / top, 1.0) if count else 0.0


def _are_options(scored: NDArray[np.float64], low: float, high: float) -> bool:
    whole = low == round(low) and high == round(high) and 0 < high - low < MAX_OPTIONS
    return whole and scored.size > 0 and bool(np.all(scored == np.rint(scored)))


def _options(scored: NDArray[np.float64], unscored: int, low: int, high: int) -> Bins:
    n = high - low + 1
    inside = np.clip(scored, low, high).astype(np.int64) - low
    counts = np.bincount(inside, minlength=n)
    labels = tuple(formatting.number(low + index, 0) for index in range(n))
    middle = float(np.median(scored))
    return Bins(
        counts=tuple(counts.tolist()),
        labels=labels,
        ticks=tuple((100 * (index + 0.5) / n, label) for index, label in enumerate(labels)),
        median=middle,
        median_bin=int(min(max(middle, low), high)) - low,
        unscored=unscored,
        digits=0 if middle == round(middle) else 1,
    )


def _stretches(scored: NDArray[np.float64], unscored: int, low: float, high: float) -> Bins:
    wanted = min(max(math.ceil(2 * scored.size ** (1 / 3)), _FEWEST_BINS), MAX_BINS)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = nice_step(high - low, wanted)
    fine = Axis(low=math.floor(low / width + 1e-9) * width, high=high, step=width)
    n = max(1, math.ceil((high - fine.low) / width - 1e-9))
    axis = Axis(low=fine.low, high=fine.low + n * width, step=width)
    counts, edges = np.histogram(
        np.clip(scored, axis.low, axis.high), bins=n, range=(axis.low, axis.high)
    )
    middle = float(np.median(scored)) if scored.size else None
    written = [axis.write(edge) for edge in edges.tolist()]
    return Bins(
        counts=tuple(counts.tolist()),
        labels=tuple(f"{left} to {right}" for left, right in pairwise(written)),
        ticks=_ticks(axis),
        median=middle,
        median_bin=None if middle is None else _bin_of(middle, axis, n),
        unscored=unscored,
        digits=max(axis.digits, formatting.digits_of_span(axis.high - axis.low) - 1),
    )


def _bin_of(value: float, axis: Axis, n: int) -> int:
    return min(max(int(n * axis.share(value) / 100), 0), n - 1)


def _ticks(axis: Axis) -> tuple[tuple[float, str], ...]:
    coarse = Axis.of(axis.low, axis.high, steps=2)
    return tuple((coarse.share(tick), coarse.write(tick)) for tick in coarse.ticks)
