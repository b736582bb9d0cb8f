"""An output that kills every worker that touches it costs its own score and no other."""

from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from evalhub.runs.models import Run
from metrics.reasons import Reason
from tests.evalhub.runs.building import a_run, finished, measurement, right, scores
from tests.evalhub.runs.poison import POISON
from tests.forking import run_beside

# Two crashes of the first chunk, two of the output alone, and the process that gets through.
PROCESSES = 5
MAIN = f"from tests.evalhub.runs.poison import main; main({PROCESSES})"


def address() -> str:
    """Return the address of this test's own database."""
    used = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{used['NAME']}"
    login = ":".join(quote(part, safe="") for part in (used["USER"], used["PASSWORD"]) if part)
    query = urlencode({"host": used["HOST"], "port": used["PORT"] or 5432})
    return f"postgresql://{login}@/{used['NAME']}?{query}"


@pytest.mark.django_db(transaction=True)
def test_an_output_that_kills_is_found_and_given_up(tmp_path):
    run = finished(a_run(n=40), *right(*range(1, 31)))
    settings = {"DATABASE_URL": address(), "EVALHUB_DATA_DIR": str(tmp_path)}

    ends = run_beside(MAIN, settings=settings).split()

    run.refresh_from_db()
    found, columns = measurement(run), scores(run)
    assert ends == ["-9"] * (PROCESSES - 1) + ["0"]
    assert run.state == Run.State.SCORED
    assert columns.reasons.ravel().nonzero()[0].tolist() == [POISON]
    assert columns.reasons[POISON, 0] == Reason.FAILED
    assert (found.n_failed, found.n_scored, found.value) == (1, 39, pytest.approx(29 / 39))
