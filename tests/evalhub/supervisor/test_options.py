"""What the supervising command makes of its arguments and the environment."""

import os

import pytest

from evalhub.environment import SettingError
from evalhub.supervisor import options, programs


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("EVALHUB_", "DATABASE_URL", "REDIS_URL")):
            monkeypatch.delenv(name)


def test_without_settings_it_serves_this_machine_from_its_own_folder():
    given = options.read([])

    assert given.address == "http://127.0.0.1:8000/"
    assert given.data_dir == options.BASE_DIR / "var"
    assert given.on_sqlite
    assert given.redis_url == ""
    assert 1 <= given.workers <= options.MAX_PROCESSES
    assert not given.demo


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000/"),  # noqa: S104
        ("::", "http://[::1]:8000/"),
        ("::1", "http://[::1]:8000/"),
        ("evalhub.example.org", "http://evalhub.example.org:8000/"),
    ],
)
def test_the_address_is_one_that_a_browser_on_this_machine_can_open(monkeypatch, host, address):
    monkeypatch.setenv("EVALHUB_HOST", host)
    assert options.read([]).address == address


@pytest.mark.parametrize(
    ("url", "on_sqlite"), [("", True), ("sqlite:////tmp/x", True), ("postgresql://h/n", False)]
)
def test_it_knows_whether_the_database_is_sqlite(monkeypatch, url, on_sqlite):
    monkeypatch.setenv("DATABASE_URL", url)
    assert options.read([]).on_sqlite is on_sqlite


def test_a_relative_data_directory_is_taken_from_where_one_stands(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVALHUB_DATA_DIR", "data")
    assert options.read([]).data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVALHUB_PORT", "0"),
        ("EVALHUB_PORT", "http"),
        ("EVALHUB_WORKERS", "0"),
        ("EVALHUB_WEB_PROCESSES", "1000"),
        ("REDIS_URL", "http://localhost"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        options.read([])


def test_programs_see_the_data_directory_and_the_socket(monkeypatch, tmp_path):
    monkeypatch.setenv("EVALHUB_DATA_DIR", str(tmp_path / "a b"))
    given = options.read(["--demo", "--parent", "1"])

    seen = programs.environment(given, socket=tmp_path / "a b" / "100%.sock")

    assert seen["EVALHUB_DATA_DIR"] == str(tmp_path / "a b")
    assert seen["REDIS_URL"] == f"unix://{tmp_path}/a%20b/100%25.sock"
    assert seen["OPENBLAS_NUM_THREADS"] == "1"


def test_a_redis_of_ones_own_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://localhost:6379/3")
    seen = programs.environment(options.read([]), socket=None)
    assert seen["REDIS_URL"] == "redis://localhost:6379/3"


def test_each_program_knows_its_role():
    given = options.read([])
    started = [programs.web(given, listener=7), programs.worker(given), programs.beat()]

    assert [program.environment["EVALHUB_ROLE"] for program in started] == [
        "web",
        "worker",
        "beat",
    ]
    assert started[0].descriptors == (7,)
    assert str(given.workers) in started[1].argv
