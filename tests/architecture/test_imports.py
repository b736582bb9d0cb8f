"""Imports point one way, and settings and tests stay out of the code."""

import subprocess
import sys

from tests.architecture.sources import BASE_DIR, CODE, offenders, read


def run(script):
    """Run a few lines in a process of their own, which has loaded nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def test_the_import_contracts_of_pyproject_are_kept():
    done = run(
        "from importlinter.cli import lint_imports_command as lint;"
        "lint(['--no-cache', '--no-logo'])"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_supervising_process_loads_neither_django_nor_celery():
    """What forks must not open the database, so it must not be able to."""
    done = run(
        "import sys, evalhub.supervisor.__main__, evalhub.gunicorn_conf;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'celery'}))"
    )
    assert done.stdout.strip() == "[]"


def test_code_reads_settings_through_django_and_knows_no_tests():
    forbidden = (
        "import tests",
        "from tests",
        "from evalhub.settings import",
        "from evalhub import settings",
    )

    def found(path):
        return [words for words in forbidden if words in read(path)]

    assert offenders(CODE, found) == {}
