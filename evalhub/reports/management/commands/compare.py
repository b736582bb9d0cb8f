"""Compare two runs and print the report, once everything that it rests on is scored."""

from __future__ import annotations

import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import DomainError
from evalhub.reports import selectors
from evalhub.reports.files import FORMATS, answer_in
from evalhub.reports.models import Comparison
from evalhub.reports.postponed import patiently
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.reports.terms import Terms, named
from evalhub.runs.models import Run

REFUSED, NOT_YET = 1, 2
AT_A_TIME: Final = 60.0  # seconds between two lines that say how far it is


class Command(BaseCommand):
    help = (
        "Compare a candidate with a baseline and print the report (ends with 0). Where the "
        "baseline's number is by another signature, its outputs are scored again first, which "
        "takes workers, and the command waits for them. Ends with 1 where the runs cannot be "
        "compared, and with 2 where the time is over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("baseline", metavar="BASELINE", help="the id of a run, run_…")
        parser.add_argument("candidate", metavar="CANDIDATE", help="the id of another")
        parser.add_argument("--format", default="markdown", choices=FORMATS)
        parser.add_argument(
            "--timeout", type=int, default=3_600, metavar="SECONDS", help="how long to wait"
        )
        parser.add_argument(
            "--margin",
            action="append",
            default=[],
            metavar="METRIC:NUMBER",
            help="a margin in place of the gate's, for one metric; may be given again for others",
        )
        parser.add_argument(
            "--origin", default="", metavar="URL", help="scheme and host that links lead to"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        until = time.monotonic() + options["timeout"]
        try:
            sides = options["baseline"], options["candidate"]
            comparison = self._compared(*sides, named(options["margin"]), until)
        except ScoredAgainFirst as exc:
            raise CommandError(f"Not yet. {exc.detail}", returncode=NOT_YET) from exc
        except DomainError as exc:
            raise CommandError(exc.detail, returncode=REFUSED) from exc
        answer = answer_in(options["format"], comparison, origin=options["origin"])
        self.stdout.write(answer.content.decode())

    def _compared(
        self, baseline: str, candidate: str, terms: Terms | None, until: float
    ) -> Comparison:
        """Ask, and wait for as long as there is something to wait for and time."""
        while True:
            left = max(0.0, until - time.monotonic())
            try:
                return patiently(
                    lambda: _compare(baseline, candidate, terms), seconds=min(left, AT_A_TIME)
                )
            except ScoredAgainFirst as exc:
                if time.monotonic() >= until:
                    raise
                done = exc.progress
                self.stderr.write(f"{exc.detail} {done.done:,} of {done.total:,} outputs.")
                time.sleep(min(exc.retry_after, max(0.0, until - time.monotonic())))


def _compare(baseline: str, candidate: str, terms: Terms | None) -> Comparison:
    return compare_runs(
        baseline=_run(baseline),
        candidate=_run(candidate),
        actor=COMMAND_LINE,
        may_score=True,
        terms=terms,
    )


def _run(public_id: str) -> Run:
    """Return a run of any project: whoever has this command has the database."""
    known = None
    if "\0" not in public_id:
        known = Run.objects.filter(public_id=public_id).select_related("project").first()
    if known is None:
        raise CommandError(f"There is no run {public_id!r}.", returncode=REFUSED)
    return selectors.run_of(known.project, public_id)
