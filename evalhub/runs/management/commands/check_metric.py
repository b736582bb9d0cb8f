"""Hold a metric to the contract: each promise is tried, and said whether it is kept."""

from __future__ import annotations

import json
import signal
import time
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics import custom
from metrics.base import Metric
from metrics.batch import Batch, Json
from metrics.catalog import configured, known_metrics, register
from metrics.contract import CHECKS, Check, sample_batch, tried
from metrics.custom import CustomMetricError
from metrics.fields import MetricParamsError

LONGEST_SECONDS = 60.0
# Who does not end once will not end the next time either.
GIVEN_UP = "The other promises were not tried."


class Command(BaseCommand):
    help = (
        "Try every promise of the metric contract on a metric: one of the catalog by its name, or "
        "all those of a module or .py file. Ends with an error where one is broken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("metric", help="a name, a module such as acme.metrics, or a .py file")
        parser.add_argument("--params", default="{}", help="parameters, as a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for metric in _asked_for(options["metric"], _params(options["params"])):
            broken += self._check(metric)
        if broken:
            raise CommandError(
                f"{broken} {'promise is' if broken == 1 else 'promises are'} broken."
            )
        self.stdout.write("All promises are kept.")

    def _check(self, metric: Metric) -> int:
        self.stdout.write(f"{metric.signature}")
        self.stdout.write(f"  code sha256 {custom.code_digest(type(metric))}")
        broken = 0
        for check in CHECKS:
            said = tried(_in_time(check), metric)
            broken += said is not None
            self.stdout.write(f"  {'ok    ' if said is None else 'BROKEN'}  {_title(check)}")
            if said is not None:
                self.stdout.write(f"          {said}")
            if said is not None and TimeoutError.__name__ in said:
                self.stdout.write(f"          {GIVEN_UP}")
                return broken
        self.stdout.write(f"  {_speed(metric)}")
        return broken


def _asked_for(name: str, params: Json) -> list[Metric]:
    if not isinstance(params, dict):
        raise CommandError("--params is a JSON object.")
    try:
        if name in known_metrics():
            return [configured(known_metrics()[name], params)]
        classes = custom.load(name)
        for one in classes:
            custom.check(one)
            register(one)
        return [configured(one, params) for one in classes]
    except (CustomMetricError, MetricParamsError) as exc:
        raise CommandError(str(exc)) from exc


def _params(text: str) -> Json:
    try:
        parsed: Json = json.loads(text)
    except ValueError as exc:
        raise CommandError(f"--params is no JSON: {exc}") from exc
    return parsed


def _in_time(check: Check) -> Check:
    """Return a check that raises TimeoutError once it takes too long."""

    def over(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"it took longer than {LONGEST_SECONDS:g} seconds.")

    def checked(metric: Metric) -> str | None:
        before = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
        try:
            return check(metric)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return checked


def _title(check: Check) -> str:
    return (check.__doc__ or check.__name__).strip().splitlines()[0]


def _speed(metric: Metric) -> str:
    batch = sample_batch()
    started = time.process_time()
    if tried(_in_time(lambda one: _scored(one, batch)), metric):
        return "speed unknown: it does not score the sample."
    seconds = max(time.process_time() - started, 1e-6)
    return f"about {len(batch) / seconds:,.0f} outputs a second, on {len(batch)} sample rows"


def _scored(metric: Metric, batch: Batch) -> None:
    metric.score(batch)
