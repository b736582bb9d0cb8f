"""Trends and leaderboards in words, for pages."""

from __future__ import annotations

from collections.abc import Sequence

from evalhub.boards.histories import MOST_RUNS, History, Point, Trends
from evalhub.boards.standings import Line
from evalhub.runs.models import Measurement, Run
from evalhub.web import formatting
from evalhub.web.charts import Kind
from evalhub.web.marks import span_of
from metrics.statistics.boards import Place
from metrics.statistics.change_points import LEVEL, ChangePoint


def written(measurement: Measurement, value: float) -> str:
    """Write a value as the metric's are usually written."""
    return formatting.number(value, formatting.digits_of(value, span_of(measurement)))


def change(history: History, found: ChangePoint) -> str:
    """Say what a change point means, in a sentence."""
    point = history.points[found.at]
    before, after = (written(point.measurement, one) for one in (found.before, found.after))
    return (
        f"The level of {history.name} {_moved(point, found)} from about {before} to about "
        f"{after} with {named(point)}, run on {formatting.day(point.run.created_at)} "
        f"({p_in_words(found.p_value)} for the whole history)."
    )


def p_in_words(p: float) -> str:
    written = formatting.p_value(p)
    return f"p under {written[1:]}" if written.startswith("<") else f"p = {written}"


def _moved(point: Point, found: ChangePoint) -> str:
    rose = found.after > found.before
    is_up = point.measurement.higher_is_better
    word = "rose" if rose else "fell"
    if is_up is None:
        return word
    return f"{word}, for the {'better' if rose == is_up else 'worse'},"


def kind_of(point: Point, found: ChangePoint | None) -> Kind:
    """Return how a change is drawn: up for the better, down for the worse."""
    if found is None:
        return ""
    if point.measurement.higher_is_better is None:
        return "now"
    return "up" if (found.after > found.before) == point.measurement.higher_is_better else "down"


def named(point: Point) -> str:
    return str(point.run.system_version)


def summary(history: History) -> list[tuple[str, Run | None]]:
    """Say what a history shows: its changes, or that there is none, or why none could be found.

    Beside a change stands the run that it began with.
    """
    if history.changes.points:
        return [
            (change(history, one), history.points[one.at].run) for one in history.changes.points
        ]
    none = (
        "No lasting change found. In histories without one, about 1 in "
        f"{formatting.count(round(1 / LEVEL))} gives a false alarm."
    )
    return [(history.changes.reason or none, None)]


def rank(place: Place) -> str:
    """Write a rank: ``1``, ``1 or 2``, ``1 to 4``."""
    if place.best is None or place.worst is None:
        return "none"
    if place.best == place.worst:
        return str(place.best)
    return f"{place.best} {'or' if place.worst == place.best + 1 else 'to'} {place.worst}"


def leaders(ranked: Sequence[Line]) -> str:
    """Name the systems that may be first where that is more than one."""
    first = [str(line.run.system_version) for line in ranked if line.place.best == 1]
    if len(first) < 2:
        return ""
    return f"No clear winner: {', '.join(first[:-1])} or {first[-1]} may be first."


def nothing_shown(trends: Trends) -> str:
    """Say what to do where a system has no run to show."""
    if not trends.tag:
        return "No scored run of this system is complete: choose another system."
    return (
        "No complete scored run of this system bears this tag: choose another system, or all runs."
    )


def left_out(trends: Trends) -> list[str]:
    """Say which scored runs are not shown."""
    said = []
    if trends.n_partial:
        runs = formatting.plural(trends.n_partial, "scored run")
        are = "is" if trends.n_partial == 1 else "are"
        said.append(f"{runs} {are} left out because outputs are missing.")
    if trends.n_older:
        runs = formatting.plural(trends.n_older, "older run")
        said.append(f"The newest {MOST_RUNS} are shown; {runs} came before.")
    return said
