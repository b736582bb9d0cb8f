"""Before anything trusts SQLite: many processes claim and finish, and nothing is lost."""

import os
import sqlite3
from collections import Counter

import pytest

from tests import databases
from tests.forking import run_beside

SECONDS = float(os.environ.get("EVALHUB_SOAK_SECONDS", "6"))
PROCESSES, KILLS, POSITIONS = 4, 4, 40_000
SOAK = f"""
from tests.evalhub.runs.soaking import main
main({{folder!r}}, seconds={SECONDS}, processes={PROCESSES}, kills={KILLS}, positions={POSITIONS})
"""

pytestmark = pytest.mark.sqlite


def test_nothing_is_lost_or_done_twice_while_workers_are_killed(tmp_path):
    """With the settings of the product: every commit is on the disk, unlike in other tests."""
    databases.copy_sqlite(tmp_path / databases.SQLITE_NAME)

    script = SOAK.format(folder=str(tmp_path))
    ends = run_beside(script, settings={"EVALHUB_DATA_DIR": str(tmp_path)}).split()

    outputs = [*tmp_path.glob("worker-*")]
    said = [line for output in outputs for line in output.read_text().splitlines()]
    with sqlite3.connect(tmp_path / "evalhub.sqlite3") as database:
        [(integrity,)] = database.execute("PRAGMA integrity_check")
        states = Counter(row[0] for row in database.execute("SELECT state FROM runs_chunk"))
        done = {
            str(pk): start
            for pk, start in database.execute(
                "SELECT id, start FROM runs_chunk WHERE state = 'done'"
            )
        }
        columns = [row[0] for row in database.execute("SELECT start FROM runs_scorecolumn")]
    assert len(outputs) == PROCESSES + KILLS
    assert ends == ["0"] * PROCESSES
    assert integrity == "ok"
    assert set(Counter(said).values()) == {1}, "a chunk was ended twice"
    assert set(said) <= done.keys(), "a commit was lost"
    assert sorted(columns) == sorted(done.values()), "columns and chunks differ"
    # A killed worker may have committed and not said so; its open claim is at most one.
    assert len(done) - len(said) <= KILLS
    assert states["claimed"] <= PROCESSES
    assert len(said) > 100
