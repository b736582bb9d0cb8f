"""What the JSON bodies of the runs interface may say, member by member."""

from __future__ import annotations

from evalhub.errors import ShapeError
from evalhub.intake.members import Member, is_list, is_name, is_text, is_truth, is_whole
from evalhub.runs.waiting import MAX_SECONDS

RUN = {
    "dataset": Member("the slug of a dataset", is_name, is_required=True),
    "version": Member(
        "a version's number or tag", lambda value: is_whole(value) or is_name(value)
    ),
    "system": Member("the slug of a system, new or known", is_name, is_required=True),
    "system_version": Member("text", is_text),
    "metrics": Member("a list of metrics", is_list),
    "attempts": Member("a whole number", is_whole),
    "git_commit": Member("text", is_text),
    "params": Member("an object, {…}", lambda value: isinstance(value, dict)),
    "tags": Member(
        "a list of texts", lambda value: isinstance(value, list) and all(map(is_text, value))
    ),
    "external_id": Member("text", is_text),
}
FINISH = {"allow_missing": Member("true or false", is_truth)}
MEASURE = {"metrics": Member("a list of metrics", is_list, is_required=True)}
RESCORE = {
    **MEASURE,
    "version": RUN["version"],
    "runs": Member(
        "a list of ids of runs",
        lambda value: isinstance(value, list) and bool(value) and all(map(is_text, value)),
    ),
    "again": Member("true or false", is_truth),
}


def wait_seconds(given: str | None) -> float:
    """Return how long ?wait= asks to wait, no longer than may be."""
    if given is None:
        return 0.0
    if not given.isascii() or not given.isdigit():
        raise ShapeError("wait is a whole number of seconds, up to 60.")
    return min(float(given[:9]), MAX_SECONDS)
