"""What the runs pages show, as the contexts of their templates."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from evalhub.accounts.models import Project
from evalhub.datasets.models import Dataset
from evalhub.datasets.selectors import examples_at, slicings
from evalhub.runs import confusions, documents, panels, pictures, places, tables
from evalhub.runs.answers import coverage, why_no_value
from evalhub.runs.generations import earlier_of
from evalhub.runs.listing import (
    Record,
    Work,
    likeliest_baseline,
    records,
    runs_of,
    work_under_way,
)
from evalhub.runs.models import Measurement, Rating, Run, ScoreNote, System
from evalhub.runs.selectors import living_workers
from evalhub.runs.tables import Wish, as_text, sentence_of
from evalhub.runs.traits import Traits, nothing_retrieved, traits_of
from evalhub.web.formatting import count, duration, number
from metrics.catalog import known_metrics
from metrics.reasons import Reason

LISTED = 50
SHOWN_SLICE_FIELDS = 12
OFFERED = 50  # runs to compare with
# What people and models say is told apart from what is computed, here or elsewhere.
RATED = (Measurement.Kind.JUDGE, Measurement.Kind.HUMAN)
_WORK = {
    "score": "Automatic metrics",
    "own": "Metrics of your own",
    "remote": "Scorers",
    "judge": "Language models as judges",
    "ratings": "Labels",
}
_TIMES = {"remote": "scorers", "judge": "judges"}


# --- the list -------------------------------------------------------------------------------


def list_context(project: Project, query: QueryDict) -> dict[str, Any]:
    """Return the context of `runs/list.html`."""
    wish = {name: query.get(name, "")[:100] for name in ("dataset", "system")}
    before = query.get("before", "")
    runs = runs_of(project, **wish)
    if before.isascii() and before.isdigit():
        runs = runs.filter(pk__lt=int(before[:18]))
    rows = list(runs[: LISTED + 1])
    chosen = QueryDict(mutable=True)
    chosen.update({name: value for name, value in wish.items() if value})
    first = f"?{chosen.urlencode()}"
    more = f"{first}&before={rows[LISTED - 1].pk}" if len(rows) > LISTED else ""
    return {
        "records": records(rows[:LISTED]),
        "wish": wish,
        "datasets": Dataset.objects.filter(project=project).order_by("slug"),
        "systems": System.objects.filter(project=project).order_by("slug"),
        "pagination": {"previous": first if before else "", "next": more},
    }


# --- one run --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """One measurement as the page tells of it."""

    measurement: Measurement
    why_none: str  # why there is no value
    reasons: list[tuple[int, str]]  # how many outputs are unscored, and why
    n_unscored: int
    traits: Traits
    is_repeatable: bool  # whether a lead may have it scored again


def told(measurement: Measurement) -> Told:
    counts = dict(measurement.unscored)
    if measurement.n_failed:
        counts[Reason.FAILED.code] = measurement.n_failed
    return Told(
        measurement=measurement,
        why_none="" if measurement.value is not None else why_no_value(measurement),
        reasons=[(n, sentence_of(code)) for code, n in counts.items()],
        n_unscored=sum(counts.values()),
        traits=traits_of(measurement),
        is_repeatable=_is_repeatable(measurement),
    )


def _is_repeatable(measurement: Measurement) -> bool:
    """Say whether a measurement can be made again: its metric may not be loaded any more."""
    if measurement.kind == Measurement.Kind.HUMAN:
        return False
    is_over = measurement.state in (Measurement.State.SCORED, Measurement.State.FAILED)
    is_known = measurement.metric in known_metrics()
    return is_over and (is_known or measurement.kind != Measurement.Kind.AUTOMATIC)


def notes(measurements: Sequence[Told]) -> list[str]:
    """Say why cells of a table are empty: each reason once, with the names it holds for."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in measurements:
        name = one.measurement.name
        if one.why_none:
            names.setdefault(("No value of", one.why_none), []).append(name)
        elif one.measurement.no_interval:
            why = one.measurement.no_interval
            names.setdefault(("No interval for", why), []).append(name)
        for n, sentence in one.reasons:
            names.setdefault((f"{count(n)} unscored by", sentence), []).append(name)
    return [f"{what} {', '.join(those)}: {why}" for (what, why), those in names.items()]


def drawn_range(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return the axis over a column of intervals: the range all share, else each its own."""
    ranges = {(one.low_bound, one.high_bound) for one in measurements}
    low, high = ranges.pop() if len(ranges) == 1 else (None, None)
    if low is None or high is None:
        return {"low": 0, "high": 100, "is_percent": True}
    return {"low": low, "high": high, "is_percent": False}


def run_context(record: Record, query: QueryDict, *, rest: str) -> dict[str, Any]:
    """Return the context of `runs/detail.html` and `runs/_run.html`."""
    run = record.run
    automatic = [one for one in record.measurements if one.kind not in RATED]
    judged = [one for one in record.measurements if one.kind in RATED]
    spread = [(one, pictures.bins(one)) for one in record.measurements]
    told_automatic, told_judged = [told(one) for one in automatic], [told(one) for one in judged]
    nothing = filter(None, [nothing_retrieved(run, automatic)])
    others = _comparable(run)
    likeliest = likeliest_baseline(run, [other.run for other in others])
    return {
        "run": run,
        "record": record,
        "coverage": coverage(run),
        "metrics": told_automatic,
        "metrics_notes": [*notes(told_automatic), *nothing],
        "metrics_range": drawn_range(automatic),
        "judged": told_judged,
        "judged_notes": [*filter(None, map(panels.in_words, judged)), *notes(told_judged)],
        "earlier": earlier_of(run, record.measurements),
        "has_judge": any(one.kind == Measurement.Kind.JUDGE for one in judged),
        "judged_range": drawn_range(judged),
        "spread": [(one, bins) for one, bins in spread if bins],
        "compare_with": others,
        "likeliest_baseline": likeliest,
        "open_example": commands(run, rest) if run.state == Run.State.OPEN else "",
        "configuration": _configuration(run),
        **(progress_context(run) if is_at_work(record) else {}),
        "is_at_work": is_at_work(record),
        "has_gaps": run.state != Run.State.OPEN
        and (bool(run.n_errors) or run.n_outputs < run.n_expected),
        **classes_context(record, query),
        **slices_context(record, query),
        **outputs_context(record, query),
    }


def _configuration(run: Run) -> list[tuple[str, str | None]]:
    parts = {
        "Parameters": run.params,
        "System configuration": run.system_version.configuration,
        "Scored with": run.environment,
    }
    return [(label, as_text(value)) for label, value in parts.items() if value]


def _comparable(run: Run) -> list[Record]:
    """Return the newest other scored runs on the same dataset."""
    if run.state != Run.State.SCORED:
        return []
    runs = runs_of(run.project, dataset=run.version.dataset.slug)
    return records(list(runs.filter(state=Run.State.SCORED).exclude(pk=run.pk)[:OFFERED]))


def commands(run: Run, rest: str) -> str:
    """Return commands that send an output of this run and finish it, fit for a shell."""
    first = examples_at(run.version, 0, 1)
    line = json.dumps({"key": first[0].key, "output": "…"}, ensure_ascii=False)
    address = f"{rest}/runs/{run.public_id}"
    return (
        "export KEY=   # paste the key here\n\n"
        f"curl -sS {address}/outputs \\\n"
        '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/x-ndjson" \\\n'
        f"  --data-binary {shlex.quote(line)}\n\n"
        f'curl -sS -X POST {address}/finish -H "Authorization: Bearer $KEY"'
    )


def is_at_work(record: Record) -> bool:
    """Say whether numbers of a run are still being made; labels are, after it was scored."""
    states = {one.state for one in record.measurements}
    return record.run.state == Run.State.SCORING or Measurement.State.SCORING in states


@dataclass(frozen=True)
class WorkShown:
    """One kind of work, as the page says it."""

    label: str
    work: Work
    times: str
    left: str


def progress_context(run: Run) -> dict[str, Any]:
    """Return the context of `runs/_progress.html`."""
    now = timezone.now()
    shown = [
        WorkShown(
            _WORK.get(work.kind, work.kind), work, _times(work), _left(work.seconds_left(now))
        )
        for work in work_under_way(run)
    ]
    return {"run": run, "works": shown, "n_workers": living_workers()}


def _times(work: Work) -> str:
    """Say how often each output counts, where it is not once: every scorer is asked of each."""
    if work.n_jobs == 1:
        return ""
    return (
        f" ({work.n_jobs} {_TIMES.get(work.kind, 'passes')} × {count(work.total // work.n_jobs)})"
    )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "not begun"
    if seconds < 55:
        return f"about {max(1, round(seconds))} s left"
    return f"about {duration(60.0 * max(1, round(seconds / 60)))} left"


def classes_context(record: Record, query: QueryDict) -> dict[str, Any]:
    """Return the context of `runs/_classes.html`; without classes there is nothing to show."""
    return {
        "classes": confusions.shown(record.measurements, query.get("classes", "")),
        "class_metrics": confusions.read_apart(record.measurements),
    }


def slices_context(record: Record, query: QueryDict) -> dict[str, Any]:
    """Return the context of `runs/_slices.html`: the slices by field, for one metric."""
    name = query.get("metric", "")
    scored = [one for one in record.measurements if one.state == Measurement.State.SCORED]
    chosen = next((one for one in scored if one.name == name), scored[0] if scored else None)
    tables_ = pictures.slice_tables(chosen) if chosen else ()
    fields = [table.field for table in tables_]
    field, across = query.get("by", ""), query.get("across", "")
    if query.get("fields") != "all":
        tables_ = tables_[:SHOWN_SLICE_FIELDS]
    return {
        "slice_fields": fields,
        "cross_table": pictures.cross_table(chosen, field, across) if chosen else None,
        "cross_by": field if field in fields else next(iter(fields), ""),
        "cross_across": across if across in fields else next(iter(fields[1:]), ""),
        "is_crossed_with_itself": field == across and field in fields,
        "slice_metrics": scored,
        "slice_metric": chosen,
        "slice_tables": tables_,
        "slice_axis": pictures.axis_of(chosen, tables_) if chosen else None,
        "has_drawn_slices": any(table.is_drawn for table in tables_),
        "slice_references": [chosen.value] if chosen and chosen.value is not None else [],
    }


def outputs_context(record: Record, query: QueryDict) -> dict[str, Any]:
    """Return the context of `runs/_outputs.html`."""
    run = record.run
    return {
        "coverage": coverage(run),
        **tables.table(run, Wish.of(query), record.measurements, slicings(run.version)),
    }


# --- one output -----------------------------------------------------------------------------


def output_context(record: Record, place: int, wish: Wish) -> dict[str, Any]:
    """Return the context of `runs/output.html`."""
    run = record.run
    found = tables.order_of(run, wish, record.measurements)
    index = found.index_of(place)
    (row,) = places.rows_at(run, [place], record.measurements)
    ratings = _ratings(record.measurements, row) | _notes(record.measurements, row)
    fields = row.example.fields
    cells = tables.cells(row.scores, record.measurements)
    return {
        "run": run,
        "wish": wish,
        "row": row,
        "parts": [*_parts(fields), *_output_parts(row)],
        "metadata": [(name, as_text(value)) for name, value in fields.get("metadata", {}).items()],
        "said": tables.text_of(row.output),
        "facts": list(_facts(row)),
        "scores": [
            (one, cell, ratings.get(one.pk, []))
            for one, cell in zip(record.measurements, cells, strict=True)
        ],
        "sorted_by": tables.measurement_of(wish, record.measurements),
        "where": None if index is None else (index + 1, len(found)),
        **_neighbors(run, found, index, wish),
    }


def _neighbors(
    run: Run, found: places.Ordered, index: int | None, wish: Wish
) -> Mapping[str, str | None]:
    def address(at: int) -> str | None:
        if not 0 <= at < len(found):
            return None
        return tables.address(run, int(found.places[at]), wish)

    if index is None:
        return {"previous_url": None, "next_url": None}
    return {"previous_url": address(index - 1), "next_url": address(index + 1)}


@dataclass(frozen=True)
class Said:
    """What one rater said of an output: a value, or why there is none."""

    rater: str
    text: str
    has_value: bool
    is_long: bool = False  # words, not a number


def _ratings(measurements: Sequence[Measurement], row: places.Row) -> dict[int, list[Said]]:
    """Return what each rater said of the output, by measurement."""
    rated = [one for one in measurements if one.kind in RATED]
    if not rated:
        return {}
    ratings = Rating.objects.filter(
        measurement__in=rated, position=row.position, attempt=row.attempt
    )
    said: dict[int, list[Said]] = {}
    for rating in ratings.order_by("-is_decision", "rater"):
        said.setdefault(rating.measurement_id, []).append(_said(rating))
    return said


def _notes(measurements: Sequence[Measurement], row: places.Row) -> dict[int, list[Said]]:
    """Return what scorers said of the output in words, by measurement."""
    remote = [one for one in measurements if one.kind == Measurement.Kind.REMOTE]
    if not remote:
        return {}
    notes_ = ScoreNote.objects.filter(
        measurement__in=remote, position=row.position, attempt=row.attempt
    )
    return {
        note.measurement_id: [Said("the scorer's words", note.words, has_value=True, is_long=True)]
        for note in notes_
    }


def _said(rating: Rating) -> Said:
    rater = rating.rater or "decided"
    if rating.value is None:
        words = Reason(rating.reason).code.replace("_", " ")
        return Said(rater, words, has_value=False)
    written = number(rating.value, 3).rstrip("0").rstrip(".")
    return Said(rater, written, has_value=True)


@dataclass(frozen=True)
class Part:
    """One part of an example: its texts, or JSON as it is written."""

    label: str
    texts: list[str]
    is_json: bool


def _parts(fields: Mapping[str, Any]) -> list[Part]:
    labels = {
        "input": "Input",
        "context": "Context",
        "expected_output": "Expected output",
        "references": "References",
    }
    parts = []
    for name, label in labels.items():
        value = fields.get(name)
        if value is not None and value != []:
            values = value if isinstance(value, list) and name != "input" else [value]
            is_json = not all(isinstance(one, str) for one in values)
            parts.append(Part(label, [as_text(one) or "" for one in values], is_json))
    return parts


def _output_parts(row: places.Row) -> list[Part]:
    """Return what came beside the output: what was retrieved and what not, its metadata."""
    output, relevant = row.output, row.example.fields.get("relevant", {})
    retrieved = json.loads(output.retrieved) if output is not None and output.retrieved else []
    parts = [
        Part("Retrieved", documents.ranked(retrieved, relevant), is_json=False),
        Part("Relevant, not retrieved", documents.missed(retrieved, relevant), is_json=False),
    ]
    if output is not None and output.metadata:
        written = as_text(json.loads(output.metadata)) or ""
        parts.append(Part("Metadata of the output", [written], is_json=True))
    return [part for part in parts if part.texts]


def _facts(row: places.Row) -> list[tuple[str, str]]:
    output = row.output
    if output is None:
        return []
    facts = {
        "Latency": None if output.latency_ms is None else duration(output.latency_ms / 1_000),
        "First token": None if output.ttft_ms is None else duration(output.ttft_ms / 1_000),
        "Input tokens": output.input_tokens,
        "Output tokens": output.output_tokens,
        "Cached tokens": output.cached_tokens,
        "Cost": None if output.cost is None else f"{Decimal(repr(output.cost)):f}",
        "Confidence": output.confidence,
        "Trace": output.trace_id or None,
    }
    return [(label, str(value)) for label, value in facts.items() if value is not None]
