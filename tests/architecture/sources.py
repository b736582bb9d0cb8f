"""The project's own files, as the tests of its architecture see them.

A rule for every file is one test that names all offenders, not one test for each file: thousands
of tests would say no more, and their set-up alone takes longer than the reading.
"""

import ast
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("evalhub", "labeling", "metrics")


def _tracked() -> list[Path]:
    """Return the files that git keeps; in an unpacked archive, all that lie in our folders."""
    if (BASE_DIR / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"],  # noqa: S607
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        names = filter(None, listed.stdout.split("\0"))
        return sorted(Path(name) for name in names if (BASE_DIR / name).is_file())
    roots = (*PACKAGES, "templates", "tests", "docs", "tools")
    found = [path for root in roots for path in (BASE_DIR / root).rglob("*") if path.is_file()]
    return sorted(path.relative_to(BASE_DIR) for path in found if "__pycache__" not in path.parts)


FILES = _tracked()
PYTHON = [path for path in FILES if path.suffix == ".py" and "migrations" not in path.parts]
CODE = [path for path in PYTHON if path.parts[0] in PACKAGES]
TEMPLATES = [path for path in FILES if path.parts[0] == "templates" and path.suffix == ".html"]
FRAGMENTS = [path for path in TEMPLATES if path.name.startswith("_")]


@cache
def read(path: Path) -> str:
    return (BASE_DIR / path).read_text(encoding="utf-8")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(read(path))


def offenders(paths: Iterable[Path], fault: Callable[[Path], Any]) -> dict[str, Any]:
    """Return what is wrong by file: `fault` says it of one file, or returns something false."""
    paths = list(paths)
    assert paths, "no file is held to this rule"
    return {str(path): found for path in paths if (found := fault(path))}
