"""The data directory: held by one service, its broker's socket private and short enough."""

import os
import tempfile
from pathlib import Path

import pytest

from evalhub.supervisor import directory as module
from evalhub.supervisor.directory import DataDirectory
from evalhub.supervisor.errors import StartError


@pytest.fixture
def place():
    """Return a short path: pytest's own are too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="eh-") as path:
        yield Path(path)


def test_the_directory_is_made_and_held(place, monkeypatch):
    monkeypatch.setattr(module, "LOCK_PATIENCE_SECONDS", 0.0)
    data = DataDirectory(place / "new" / "var")
    lock = data.take(address="http://127.0.0.1:8000/")

    with pytest.raises(StartError, match=f"another EvalHub .process {os.getpid()}, http://"):
        data.take(address="http://127.0.0.1:8001/")

    os.close(lock)
    os.close(data.take(address="http://127.0.0.1:8001/"))


def test_a_folder_that_cannot_be_used_is_named(place):
    (place / "file").write_text("")
    with pytest.raises(StartError, match="cannot be used: Not a directory"):
        DataDirectory(place / "file" / "var").take(address="")


def test_a_stale_socket_is_removed_and_its_folder_is_private(place):
    (place / "run").mkdir(mode=0o755)
    (place / "run" / "valkey.sock").touch()

    path = DataDirectory(place).socket_path()

    assert path == place / "run" / "valkey.sock"
    assert not path.exists()
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_path_too_long_for_a_socket_gets_the_same_short_one_each_time(place):
    data = DataDirectory(place / ("x" * 120))

    path = data.socket_path()

    assert data.socket_path() == path
    assert len(os.fsencode(path)) <= module.MAX_SOCKET_BYTES
    data.leave()
    assert not path.parent.exists()


def test_a_short_path_that_somebody_prepared_is_refused(place):
    data = DataDirectory(place / ("x" * 120))
    path = data.socket_path().parent
    path.rmdir()
    path.symlink_to(place)
    try:
        with pytest.raises(StartError, match="belongs to somebody else"):
            data.socket_path()
    finally:
        path.unlink()


def test_a_log_is_cut_when_it_grows_too_long(place, monkeypatch):
    monkeypatch.setattr(module, "MAX_LOG_BYTES", 10)
    data = DataDirectory(place)
    data.logs.mkdir()
    data.log("web").write_text("short")
    data.log("worker").write_text("a long story")

    data.trim_logs()

    assert data.log("web").read_text() == "short"
    assert data.log("worker").read_text() == ""
    assert (data.logs / "worker.log.1").read_text() == "a long story"
