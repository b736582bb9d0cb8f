"""What leaderboards cost a process: of right or wrong, of shares, and of a corpus metric.

Systems on 100,000 examples are stored as score columns in a database of its own: exact_match,
token_f1, and chrf with its 18 sums for each example. Each board is asked for, a look at a time,
until it is whole. CPU seconds and peak memory of the process, beside reading the scores of all
systems at once; and the CPU seconds of the board again, in another process and in the same one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import Results, add_arguments, load_average

ROOT = Path(__file__).resolve().parents[1]
SIZE, QUICK_SIZE, SYSTEMS = 100_000, 5_000, 12
METRICS = "exact_match", "token_f1", "chrf"
HOW = ("store", "some at a time", "at once")
_CHUNK = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=SYSTEMS)
    parser.add_argument("--inside", choices=HOW, help=argparse.SUPPRESS)
    add_arguments(parser)
    given = parser.parse_args()
    size = QUICK_SIZE if given.quick else SIZE
    if given.inside:
        _inside(size, given.systems, given.inside)
        return
    results = Results("Leaderboards", f"{given.systems} systems on {size:,} examples")
    with tempfile.TemporaryDirectory() as folder:
        _, ours, theirs = (_measured(folder, given, how) for how in HOW)
    n_pairs = given.systems * (given.systems - 1) // 2
    rows = [
        (f"{metric}: {what}", f"{metric}_{name}", "CPU seconds")
        for metric in METRICS
        for what, name in (
            ("the whole board", "cpu"),
            ("the longest look", "longest"),
            ("again, in a process that has not seen it", "cold"),
            ("again, in the same process", "again"),
        )
    ]
    for what, name, unit in [*rows, ("peak of the process", "peak", "MB")]:
        looks = ours.get(f"{name.rpartition('_')[0]}_looks")
        results.row(
            what=what,
            ours=ours[name],
            reference=theirs[name],
            unit=f"{unit}; the reference reads all systems at once",
            note=f"{n_pairs} pairs"
            + (f" in {looks:.0f} looks" if looks else "")
            + f", load average {load_average():.1f}",
        )
    results.write(json=given.json, markdown=given.markdown)


def _measured(folder: str, given: argparse.Namespace, how: str) -> dict[str, float]:
    """Store, or measure, in a process of its own: its memory is that of the board."""
    command = [sys.executable, __file__, "--inside", how, "--systems", str(given.systems)]
    command += ["--quick"] * given.quick
    environment = {**os.environ, "EVALHUB_DATA_DIR": folder, "DATABASE_URL": ""}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found = (line.split("=") for line in done.stdout.splitlines() if "=" in line)
    return {name: float(value) for name, value in found}


def _inside(size: int, n_systems: int, how: str) -> None:
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "evalhub.settings"
    import django  # noqa: PLC0415 - after setup

    django.setup()
    from django.core.cache import cache  # noqa: PLC0415 - after setup
    from django.core.management import call_command  # noqa: PLC0415 - after setup

    from evalhub.boards import standings  # noqa: PLC0415 - after setup
    from evalhub.datasets.models import DatasetVersion  # noqa: PLC0415 - after setup

    if how == "store":
        call_command("migrate", verbosity=0)
        _store(size, n_systems)
        return
    version = DatasetVersion.objects.get()
    if how == "at once":
        standings.LARGE = standings.MOST_BYTES = 10**18
    for metric in METRICS:
        looks, is_whole = [], False
        while not is_whole:
            began = time.process_time()
            is_whole = not standings.standings_of(version, metric=metric).reason
            looks.append(time.process_time() - began)
        again = []
        for forget in (lambda: None, cache.clear):
            forget()
            began = time.process_time()
            standings.standings_of(version, metric=metric)
            again.append(time.process_time() - began)
        found = {"cpu": sum(looks), "longest": max(looks), "looks": len(looks)}
        for name, value in {**found, "again": again[0], "cold": again[1]}.items():
            print(f"{metric}_{name}={value}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak={peak}")


def _store(size: int, n_systems: int) -> None:
    """Store scored runs whose statistics are drawn; no text is scored."""
    import numpy as np  # noqa: PLC0415 - after setup
    from django.utils import timezone  # noqa: PLC0415 - after setup

    from evalhub.accounts.models import Project  # noqa: PLC0415 - after setup
    from evalhub.datasets.models import Dataset, DatasetVersion  # noqa: PLC0415 - after setup
    from evalhub.runs.columns import NewColumn, packed  # noqa: PLC0415 - after setup
    from evalhub.runs.models import Measurement, Run, ScoreColumn, System, SystemVersion  # noqa: PLC0415 - after setup
    from metrics.batch import Scores  # noqa: PLC0415 - after setup
    from metrics.catalog import build, read_spec  # noqa: PLC0415 - after setup

    now, metric = timezone.now(), build(read_spec("chrf"))
    project = Project.objects.create(slug="board", name="Board", created_at=now)
    dataset = Dataset.objects.create(project=project, slug="d", name="D", created_at=now)
    version = DatasetVersion.objects.create(
        dataset=dataset,
        number=1,
        digest="d",
        keys_digest="d",
        n_examples=size,
        n_added=size,
        n_changed=0,
        n_removed=0,
        n_unchanged=0,
        created_at=now,
    )
    rng = np.random.default_rng(7)
    reference = rng.integers(20, 60, (size, 6))
    for at in range(n_systems):
        named = SystemVersion.objects.create(
            system=System.objects.create(project=project, slug=f"s{at}", created_at=now),
            name="",
            created_at=now,
        )
        run = Run.objects.create(
            project=project,
            version=version,
            system_version=named,
            state=Run.State.SCORED,
            n_outputs=size,
            seed=1,
            created_at=now,
        )
        output = rng.integers(20, 60, (size, 6))
        matches = rng.binomial(np.minimum(output, reference), 0.5 + 0.01 * at)
        table = np.stack([output, reference, matches], axis=2).reshape(size, 18).astype(float)
        shares = rng.beta(4 + 0.1 * at, 2, size)
        scored = {
            "chrf": (metric.values_of(table), table, float(metric.values_of(table.sum(axis=0)))),
            "token_f1": (shares, np.zeros((size, 0)), float(shares.mean())),
        }
        right = (shares > 0.6).astype(float)
        scored["exact_match"] = (right, np.zeros((size, 0)), float(right.mean()))
        for name, (values, statistics, value) in scored.items():
            ours = build(read_spec(name))
            measurement = Measurement.objects.create(
                run=run,
                name=name,
                metric=name,
                signature=ours.signature,
                family=ours.family.value,
                low_bound=ours.low,
                high_bound=ours.high,
                state=Measurement.State.SCORED,
                value=value,
                n_scored=size,
                created_at=now,
            )
            for start in range(0, size, _CHUNK):
                part = slice(start, start + _CHUNK)
                scores = Scores(
                    values=values[part],
                    statistics=statistics[part],
                    reasons=np.zeros(len(values[part]), dtype=np.uint8),
                )
                column = NewColumn(
                    measurement_id=measurement.pk,
                    start=start,
                    n=len(values[part]),
                    scores=scores,
                    inputs_digest="",
                )
                ScoreColumn.objects.bulk_create([packed(column)])


if __name__ == "__main__":
    main()
