"""Tables of answers, and alpha of them pair by pair, as its author defines it."""

import math

import numpy as np

from metrics.statistics.agreement import Level

NAN = math.nan

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers,
# twelve units, missing data. He prints .743, .815, .849 and .797.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


def columns(table):
    """A table of annotators by units as the three columns."""
    rows = np.array(table, dtype=float)
    annotators, units = np.indices(rows.shape)
    return {"units": units.ravel(), "annotators": annotators.ravel(), "values": rows.ravel()}


def rated(*, units, annotators, spread=1, top=4, missing=0.0, seed=0):
    """Made answers on 0 to top: a truth for each unit, and everybody up to `spread` beside it."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, top + 1, size=units)
    table = truth + rng.integers(-spread, spread + 1, size=(annotators, units))
    table = np.clip(table, 0, top).astype(float)
    table[rng.random(table.shape) < missing] = NAN
    return table


def distance(level, a, b, margins):
    """Krippendorff's difference function between two values, as he defines it."""
    if level is Level.NOMINAL:
        return float(a != b)
    if level is Level.INTERVAL:
        return (a - b) ** 2
    if level is Level.RATIO:
        return ((a - b) / (a + b)) ** 2 if a + b else 0.0
    low, high = sorted((a, b))
    between = sum(count for value, count in margins.items() if low <= value <= high)
    return (between - (margins[low] + margins[high]) / 2) ** 2


def alpha_by_definition(table, level, distance=distance):
    """Alpha as one minus observed over expected disagreement, pair by pair."""
    units = [[v for v in unit if not math.isnan(v)] for unit in np.array(table).T]
    units = [unit for unit in units if len(unit) > 1]
    pooled = [value for unit in units for value in unit]
    margins = {value: pooled.count(value) for value in pooled}

    def spread(values):
        pairs = [(i, j) for i in range(len(values)) for j in range(len(values)) if i != j]
        return sum(distance(level, values[i], values[j], margins) for i, j in pairs)

    n = len(pooled)
    expected = spread(pooled) / (n * (n - 1)) if n else 0.0
    observed = sum(spread(unit) / (len(unit) - 1) for unit in units) / max(n, 1)
    return 1 - observed / expected if expected else NAN
