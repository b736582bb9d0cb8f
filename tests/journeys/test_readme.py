"""The README's walk-through works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.journey


def test_the_walk_through_ends_with_the_better_system(service, tmp_path):
    script = "\n".join(BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    script = script.replace("http://127.0.0.1:8000", service.url)
    script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607
        cwd=tmp_path,
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "**Improved: new is better than old on exact_match.**" in done.stdout
    assert '"state":"scored"' in done.stdout
