"""The supervising command, as people start, stop and mistreat it."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.databases import BASE_DIR
from tests.running import (
    BEAT,
    BROKER,
    GUARD,
    START_SECONDS,
    WEB,
    WORKER,
    Service,
    free_port,
    running,
    running_from_nothing,
    send,
    service_environment,
    wait_until,
)

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def answers(service: Service) -> bool:
    with service.client() as client:
        return client.get("/healthz").status_code == 200


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 where it has ended meanwhile."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(said.rpartition(")")[2].split()[1])


def first_of(service: Service, pattern: str) -> int:
    """Return the program's own process: the one that the supervisor started."""
    (pid,) = [pid for pid in service.pids(pattern) if parent_of(pid) == service.pid]
    return pid


def started_again(service: Service, pattern: str, old: int) -> bool:
    started = [pid for pid in service.pids(pattern) if parent_of(pid) == service.pid]
    return bool(started) and old not in started


def listening(pids: list[int]) -> set[str]:
    """Return the local addresses on which the processes listen over TCP, as the kernel says."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


@pytest.fixture(scope="module")
def service():
    """Return a service that started from nothing, in a directory with a strange name."""
    with (
        tempfile.TemporaryDirectory(prefix="a b ") as place,
        running_from_nothing(Path(place) / "100% #of?") as started,
    ):
        yield started


@pytest.fixture(scope="module")
def mistreated(tmp_path_factory):
    """Return a service in a directory whose path is too long for a socket."""
    with running(tmp_path_factory.mktemp("mistreated") / ("x" * 120)) as started:
        yield started


@pytest.fixture
def victim(mistreated):
    """Return a running service that a test may end: the next test starts it again."""
    if mistreated.is_gone:
        mistreated.start()
    return mistreated


def test_it_serves_this_machine_alone_and_keeps_its_files_private(service):
    assert answers(service)
    loopback = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
    assert listening(service.pids()) == {f"{loopback}:{service.port:04X}"}
    modes = {path.name: path.stat().st_mode & 0o077 for path in service.data_dir.rglob("*")}
    assert {name: mode for name, mode in modes.items() if mode} == {}


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_takes_over(victim):
    wait_until(victim.has_listening_worker, seconds=10)
    assert len(victim.pids()) > 6

    victim.kill()
    assert victim.pids() == []

    victim.start()
    assert answers(victim)


def test_a_killed_guard_is_replaced_and_still_guards(victim):
    guard = first_of(victim, GUARD)
    send(guard, "SIGKILL")
    wait_until(lambda: started_again(victim, GUARD, guard), seconds=5)

    victim.kill()

    assert victim.pids() == []


def test_asked_to_stop_it_ends_everything_within_ten_seconds_and_keeps_the_data(victim):
    create = "from evalhub.accounts.models import User; User.objects.create(username='kept')"
    victim.manage("shell", "--command", create)

    began = time.monotonic()
    assert victim.stop() == 0
    assert time.monotonic() - began < 10
    assert victim.pids() == []

    victim.start()
    assert victim.query("SELECT username FROM accounts_user") == [("kept",)]


def directory_of_socket(service: Service) -> Path:
    wait_until(service.has_listening_worker, seconds=10)
    return Path(str(service.broker().get_connection_kwargs()["path"])).parent


def test_a_path_too_long_for_a_socket_will_do_and_leaves_nothing_elsewhere(victim):
    assert "path is long, so the broker's socket is" in victim.output
    elsewhere = directory_of_socket(victim)
    assert elsewhere.stat().st_mode & 0o077 == 0
    assert not elsewhere.is_relative_to(victim.data_dir)

    assert victim.stop() == 0
    assert not elsewhere.exists()


def test_a_path_of_any_letters_will_do(service):
    assert "path is long, so the broker's socket is" not in service.output
    inside = directory_of_socket(service)
    assert inside.stat().st_mode & 0o077 == 0
    assert inside.is_relative_to(service.data_dir)


@pytest.mark.parametrize("pattern", [WEB, WORKER, BEAT, BROKER])
def test_what_crashes_is_started_again(service, pattern):
    wait_until(service.has_listening_worker, seconds=10)
    crashed = first_of(service, pattern)

    send(crashed, "SIGKILL")

    wait_until(lambda: started_again(service, pattern, crashed), seconds=15)
    wait_until(lambda: answers(service), seconds=15)
    wait_until(service.has_listening_worker, seconds=30)


def test_a_second_start_on_the_same_data_is_refused_with_a_sentence(service):
    second = Service(
        data_dir=service.data_dir.with_name("second"),
        port=free_port(),
        environment={**service.environment, "EVALHUB_PORT": str(free_port())},
    )
    second.launch()

    assert second.process is not None
    assert second.process.wait(START_SECONDS) == 1
    assert f"is in use by another EvalHub (process {service.pid}, {service.url}/)" in second.output
    assert answers(service)


def test_a_port_in_use_is_said_and_nothing_is_left_running(tmp_path, service):
    with service_environment(tmp_path / "var", {"EVALHUB_PORT": str(service.port)}) as environment:
        refused = Service(data_dir=tmp_path / "var", port=service.port, environment=environment)
        refused.launch()

        assert refused.process is not None
        assert refused.process.wait(START_SECONDS) == 1
        assert f"cannot listen on 127.0.0.1 port {service.port}" in refused.output
        assert refused.pids() == []


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("EVALHUB_PORT", "80000", "EVALHUB_PORT must be a whole number from 1 to 65535."),
        ("EVALHUB_WORKERS", "many", "EVALHUB_WORKERS must be a whole number from 1 to 64."),
        (
            "DATABASE_URL",
            "mysql://x/y",
            "DATABASE_URL must start with postgresql:// or sqlite://.",
        ),
        (
            "DATABASE_URL",
            "postgresql://127.0.0.1:1/evalhub",
            "The database cannot be used: connection failed:",
        ),
        (
            "DATABASE_URL",
            "sqlite:////dev/null/evalhub.sqlite3",
            "The database cannot be used: unable to open database file.",
        ),
        ("EVALHUB_HOST", "192.0.2.1", "Set EVALHUB_HOST to an address of this machine."),
        ("EVALHUB_LOG_LEVEL", "loud", "EVALHUB_LOG_LEVEL must be one of"),
        ("EVALHUB_DATA_DIR", "/dev/null/var", "The data directory /dev/null/var cannot be used"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(tmp_path, setting, value, sentence):
    with service_environment(tmp_path / "var", {setting: value}) as environment:
        done = subprocess.run(
            [sys.executable, "-m", "evalhub.supervisor"],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_it_stops_when_the_command_that_started_it_is_killed(tmp_path):
    with service_environment(tmp_path / "var", {}, migrated=True) as environment:
        service = Service(
            data_dir=tmp_path / "var",
            port=int(environment["EVALHUB_PORT"]),
            environment=environment,
        )
        script = f'"{sys.executable}" -m evalhub.supervisor --parent $$; true'
        shell = subprocess.Popen(["/bin/sh", "-c", script], cwd=BASE_DIR, env=environment)
        wait_until(lambda: service.pids(WORKER), seconds=START_SECONDS)

        shell.kill()
        shell.wait()

        wait_until(lambda: not service.pids(), seconds=10)


@pytest.mark.sqlite
def test_no_process_that_forks_opens_the_database(service):
    """A connection carried over a fork once lost commits: only forked children may open one."""
    wait_until(service.has_listening_worker, seconds=10)
    for _ in range(20):
        assert answers(service)
    with service.client() as client:
        client.get("/readyz")
        client.get("/login/")
    database = os.fspath(service.data_dir / "evalhub.sqlite3")

    holders = {
        pid
        for pid in service.pids()
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if str(descriptor.readlink()).startswith(database)
    }
    parents = {parent_of(pid) for pid in service.pids()}

    assert holders, "nobody has the database open, so this test shows nothing"
    assert holders.isdisjoint(parents | {first_of(service, BEAT)})


@pytest.mark.sqlite
def test_the_embedded_database_is_in_wal_mode_and_whole(service):
    with sqlite3.connect(service.data_dir / "evalhub.sqlite3") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
