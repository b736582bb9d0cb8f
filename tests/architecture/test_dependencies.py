"""Dependencies: each with its reason, each locked with hashes, one version in every lock."""

import re
import tomllib

import pytest

from tests.architecture.sources import BASE_DIR, read

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")


def canonical(name):
    """Return the package's name alone, as the registries spell it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", name)[0]).lower()


def locked(name):
    return {
        canonical(package): version for package, version in LOCKED.findall(read(BASE_DIR / name))
    }


@pytest.fixture(scope="module")
def pyproject():
    return tomllib.loads(read(BASE_DIR / "pyproject.toml"))


def test_every_dependency_carries_its_reason():
    text = read(BASE_DIR / "pyproject.toml")
    lists = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)

    assert len(lists) == 2
    silent = [
        line.strip()
        for line in "".join(lists).splitlines()
        if line.strip() and not re.search(r"#\s*\w+", line)
    ]
    assert silent == []


def test_the_locks_hold_all_that_pyproject_names(pyproject):
    asked = {canonical(name) for name in pyproject["project"]["dependencies"]}
    groups = pyproject["dependency-groups"]

    assert asked <= set(locked("requirements.txt"))
    assert asked | {canonical(name) for name in groups["dev"]} <= set(
        locked("requirements-dev.txt")
    )
    assert {canonical(name) for name in groups["build"]} <= set(locked("requirements-build.txt"))


def test_development_runs_on_the_versions_that_people_get():
    runtime, development = locked("requirements.txt"), locked("requirements-dev.txt")

    assert {name: development.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(name):
    text = read(BASE_DIR / name)
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())

    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
