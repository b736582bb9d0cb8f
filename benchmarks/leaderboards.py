"""What a leaderboard costs a process: a board of corpus scores, compared some pairs at a time.

Systems on 100,000 examples with the statistics of chrF (18 sums for each example) are stored as
score columns in a database of its own, and the board is asked for until it is whole. CPU seconds
and peak memory of the process, beside reading the statistics of all systems at once.
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
SIZE, QUICK_SIZE, SYSTEMS = 100_000, 5_000, 6
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
    results = Results("Leaderboards", f"chrF of {given.systems} systems on {size:,} examples")
    with tempfile.TemporaryDirectory() as folder:
        _, ours, theirs = (_measured(folder, given, how) for how in HOW)
    n_pairs = given.systems * (given.systems - 1) // 2
    note = f"{n_pairs} pairs in {ours['looks']:.0f} looks, load average {load_average():.1f}"
    rows = (
        ("the whole board", "cpu", "CPU seconds"),
        ("the longest look", "longest", "CPU seconds"),
        ("peak of the process", "peak", "MB"),
    )
    for what, name, unit in rows:
        results.row(
            what=what,
            ours=ours[name],
            reference=theirs[name],
            unit=f"{unit}; the reference reads all systems at once",
            note=note,
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
    looks = []
    while True:
        began = time.process_time()
        board = standings.standings_of(version)
        looks.append(time.process_time() - began)
        if not board.reason:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"cpu={sum(looks)}\nlongest={max(looks)}\nlooks={len(looks)}\npeak={peak}")


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
        values = metric.values_of(table)
        measurement = Measurement.objects.create(
            run=run,
            name="chrf",
            metric="chrf",
            signature=metric.signature,
            family="corpus",
            low_bound=0,
            high_bound=100,
            state=Measurement.State.SCORED,
            value=float(metric.values_of(table.sum(axis=0))),
            n_scored=size,
            created_at=now,
        )
        for start in range(0, size, _CHUNK):
            part = slice(start, start + _CHUNK)
            scores = Scores(
                values=values[part],
                statistics=table[part],
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
