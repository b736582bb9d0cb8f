"""What experts decide about: the units that wait for them, and all that was said of one."""

from labeling.deciding.cases import Case, case_of
from labeling.deciding.listing import SHOWN, SHOWS, Filters, filtered, shown_units, slices_of
from labeling.deciding.queue import (
    Place,
    Queue,
    Waiting,
    forget_count,
    may_be_asked,
    n_waiting,
    place_of,
    queue_of,
)

__all__ = [
    "SHOWN",
    "SHOWS",
    "Case",
    "Filters",
    "Place",
    "Queue",
    "Waiting",
    "case_of",
    "filtered",
    "forget_count",
    "may_be_asked",
    "n_waiting",
    "place_of",
    "queue_of",
    "shown_units",
    "slices_of",
]
