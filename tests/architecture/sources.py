"""The project's own files, as the tests of its architecture see them."""

import subprocess
from pathlib import Path

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


def read(path: Path) -> str:
    return (BASE_DIR / path).read_text(encoding="utf-8")
