"""Settings from the environment: a wrong one stops the start with one sentence."""

import os
import re
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from evalhub import environment as env
from evalhub.embedded import is_weak_secret, secret_key
from evalhub.environment import SettingError

BASE_DIR = Path(__file__).resolve().parent.parent.parent
STRONG = "vN3-kQ8sYz_0aWc7Lr5tBxEoGh2UfJpDm9iKq4XwSyTnRb6V1gZ"
PRODUCTION = {"EVALHUB_MODE": "production", "EVALHUB_SECRET_KEY": STRONG}

# Every setting that can be wrong, each with ways to be it.
WRONG = {
    "EVALHUB_MODE": ["prod", "Production", "0"],
    "EVALHUB_ROLE": ["master"],
    "EVALHUB_DATA_DIR": ["~nobody-of-this-name/var"],
    "EVALHUB_TRUSTED_ORIGINS": ["evalhub.example.org", "https://a.example,b.example", "https://"],
    "DATABASE_URL": [
        "mysql://localhost/evalhub",
        "evalhub",
        "postgresql://localhost",
        "postgresql://localhost/",
        "postgresql://localhost:port/evalhub",
        "postgresql://localhost:99999/evalhub",
        "postgresql://[::1/evalhub",
        "sqlite://",
        "sqlite:///",
    ],
    "REDIS_URL": ["localhost:6379", "http://localhost", "redis://localhost:port/0", "redis://[x"],
    "EVALHUB_HSTS_SECONDS": ["-1", "a year", "99999999999"],
    "EVALHUB_HTTPS": ["maybe", "2"],
    "EVALHUB_CHUNK_POSITIONS": ["0", "1.5", "1e3", "²", "9" * 5_000],
    "EVALHUB_LEASE_SECONDS": ["1", "-60", "sixty"],
    "EVALHUB_STALL_SECONDS": ["0", "nan", "a minute"],
    "EVALHUB_JUDGE_URL": ["judge.example.org", "ftp://judge.example.org", "http://", "http://[x"],
    "EVALHUB_JUDGE_TIMEOUT": ["0", "nan", "inf", "1e999", "soon", "-1"],
    "EVALHUB_JUDGE_CONCURRENCY": ["0", "65", "four"],
    "EVALHUB_METRIC_TIMEOUT": ["0.5", "3001", "x", "nan"],
    "EVALHUB_OUTBOUND_ALLOW": ["127.0.0.1:80", "10.0.0.0/33", "1.2.3", "http://a", "a b", "[::1]"],
    "EVALHUB_LOG_LEVEL": ["LOUD", "info"],
}
# Any text will do for these.
FREE = {
    "EVALHUB_SECRET_KEY",
    "EVALHUB_ALLOWED_HOSTS",
    "EVALHUB_STATIC_ROOT",
    "EVALHUB_METRICS",
    "EVALHUB_JUDGE_MODEL",
    "EVALHUB_JUDGE_KEY",
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.fixture
def settings_of(monkeypatch, tmp_path):
    """Return a function that reads the settings as a fresh start would."""

    def read(**given):
        for name in list(os.environ):
            if name.startswith(("EVALHUB_", "DATABASE_", "REDIS_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("EVALHUB_DATA_DIR", str(tmp_path / "var"))
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(BASE_DIR / "evalhub" / "settings.py"))

    return read


def refusal(read, **given):
    with pytest.raises(SettingError) as refused:
        read(**given)
    return str(refused.value)


def is_sentence(said):
    return re.fullmatch(r"[^\n]{10,300}\.", said) is not None


def test_every_setting_is_known_here():
    read = re.findall(
        r'env\.\w+\(\s*"(\w+)"', (BASE_DIR / "evalhub" / "settings.py").read_text(encoding="utf-8")
    )
    assert {*WRONG, *FREE} == {*read}


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda text: text[:30])
def test_a_wrong_setting_is_named_in_one_sentence(settings_of, name, value):
    needs = {"EVALHUB_HSTS_SECONDS", "EVALHUB_HTTPS"} & {name}
    said = refusal(settings_of, **(PRODUCTION if needs else {}), **{name: value})
    assert name in said
    assert is_sentence(said)


def test_the_defaults_need_nothing(settings_of, tmp_path):
    found = settings_of()
    assert found["MODE"] == "embedded"
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "evalhub.sqlite3")
    assert found["REDIS_URL"] == f"unix://{tmp_path}/var/run/valkey.sock"
    assert found["DEBUG"] is False


def test_a_judge_is_named_by_address_and_model_together(settings_of):
    both = {"EVALHUB_JUDGE_URL": "http://localhost:8080/v1/", "EVALHUB_JUDGE_MODEL": "small"}
    assert settings_of(**both)["JUDGE_URL"] == "http://localhost:8080/v1"
    for name, value in both.items():
        assert "belong together" in refusal(settings_of, **{name: value})


class TestSecretsInFiles:
    def test_a_file_gives_the_value_without_its_last_newline(self, monkeypatch, tmp_path):
        path = tmp_path / "key"
        path.write_text(f"{STRONG}\n")
        monkeypatch.setenv("WORD_FILE", str(path))
        assert env.text("WORD") == STRONG

    def test_both_are_one_too_many(self, monkeypatch, tmp_path):
        monkeypatch.setenv("WORD_FILE", str(tmp_path / "key"))
        monkeypatch.setenv("WORD", "")
        assert "both set" in refusal(env.text, name="WORD")

    @pytest.mark.parametrize("kind", ["missing", "folder", "bytes"])
    def test_a_file_that_cannot_be_read_is_named(self, monkeypatch, tmp_path, kind):
        path = tmp_path / "key"
        if kind == "folder":
            path.mkdir()
        elif kind == "bytes":
            path.write_bytes(b"\xff\xfe\x00")
        monkeypatch.setenv("WORD_FILE", str(path))
        said = refusal(env.text, name="WORD")
        assert said.startswith("WORD_FILE cannot be read: ")
        assert is_sentence(said)

    def test_every_setting_can_come_from_a_file(self, settings_of, tmp_path):
        path = tmp_path / "url"
        path.write_text("postgresql://ada:p%40ss@db.example:5433/evalhub?sslmode=require\n")
        found = settings_of(DATABASE_URL_FILE=str(path))["DATABASES"]["default"]
        assert [found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
            *("evalhub", "ada", "p@ss", "db.example", "5433")
        ]
        assert found["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    "value",
    ["postgresql://ada:hun/ter2@db/evalhub", "postgresql://ada:hun[ter2@db/evalhub"],
)
def test_a_password_in_a_wrong_address_is_not_said(settings_of, value):
    said = refusal(settings_of, DATABASE_URL=value)
    assert "hun" not in said
    assert "percent-encode" in said


class TestSecretKey:
    @pytest.mark.parametrize("given", ["secret", "a" * 80, "abcdefghi" * 9, "x" * 49])
    def test_production_refuses_a_weak_one(self, settings_of, given):
        said = refusal(settings_of, EVALHUB_MODE="production", EVALHUB_SECRET_KEY=given)
        assert said.startswith("EVALHUB_SECRET_KEY is weak")
        assert given not in said.replace("secrets", "")

    def test_production_needs_a_given_one(self, settings_of, tmp_path):
        assert "production needs one" in refusal(settings_of, EVALHUB_MODE="production")
        assert not (tmp_path / "var").exists()

    def test_production_takes_a_strong_one(self, settings_of):
        assert settings_of(**PRODUCTION)["SECRET_KEY"] == STRONG

    def test_the_example_in_the_refusal_makes_a_strong_one(self, settings_of):
        said = refusal(settings_of, EVALHUB_MODE="production", EVALHUB_SECRET_KEY="weak")
        code = re.search(r"python -c '([^']+)'", said)[1]
        made = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        assert not is_weak_secret(made)

    def test_the_embedded_default_makes_a_strong_one_and_keeps_it(self, settings_of, tmp_path):
        first = settings_of()["SECRET_KEY"]
        assert not is_weak_secret(first)
        assert settings_of()["SECRET_KEY"] == first
        path = tmp_path / "var" / "secret_key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]

    def test_nobody_else_may_read_it_whatever_the_umask(self, tmp_path):
        before = os.umask(0)
        try:
            secret_key(given="", production=False, data_dir=tmp_path)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600

    def test_processes_that_start_together_agree(self, tmp_path):
        code = (
            "import sys; from pathlib import Path; from evalhub.embedded import secret_key;"
            "print(secret_key(given='', production=False, data_dir=Path(sys.argv[1])))"
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path / "var")],
                cwd=BASE_DIR,
                stdout=subprocess.PIPE,
            )
            for _ in range(4)
        ]
        printed = {process.communicate()[0] for process in started}
        assert len(printed) == 1
        assert not is_weak_secret(printed.pop().decode().strip())

    @pytest.mark.parametrize("kept", [b"", b"short", b"\xff" * 80, b"\0" * 80])
    def test_a_kept_one_that_was_spoiled_is_not_used(self, tmp_path, kept):
        (tmp_path / "secret_key").write_bytes(kept)
        said = refusal(secret_key, given="", production=False, data_dir=tmp_path)
        assert "Remove it" in said
        assert (tmp_path / "secret_key").read_bytes() == kept

    def test_a_data_directory_that_cannot_be_one_is_named(self, tmp_path):
        (tmp_path / "var").write_text("a file")
        said = refusal(secret_key, given="", production=False, data_dir=tmp_path / "var")
        assert "EVALHUB_DATA_DIR" in said


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["manage.py", "create_api_key", "--project", "town", "--name", "nightly"],
        ["-m", "evalhub.supervisor"],
        ["-m", "celery", "--app", "evalhub.celery:app", "worker"],
        ["-c", "import evalhub.wsgi"],
    ],
    ids=["check", "create_api_key", "supervisor", "worker", "wsgi"],
)
def test_each_command_stops_with_the_sentence_alone_and_exit_code_1(command, tmp_path):
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    stopped = subprocess.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env={**inherited, "EVALHUB_DATA_DIR": str(tmp_path), "REDIS_URL": "localhost:6379"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert stopped.stderr == "REDIS_URL must start with redis://, rediss:// or unix://.\n"
    assert stopped.stdout == ""
    assert stopped.returncode == 1


def test_a_command_computes_in_one_thread_as_the_service_does():
    # With more, matrix products add up in another order, and `recompute` finds other last bits.
    said = (
        "import os, sys, evalhub.settings; print('numpy' in sys.modules, os.environ[sys.argv[1]])"
    )
    clean = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    found = subprocess.run(
        [sys.executable, "-c", said, "OPENBLAS_NUM_THREADS"],
        env=clean,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["False", "1"]
