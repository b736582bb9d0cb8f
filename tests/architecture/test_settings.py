"""Settings: every variable the code reads is in the reference, and nothing else is."""

import re
from pathlib import Path

from tests.architecture.sources import BASE_DIR, CODE, read

NAME = re.compile(r"[\"'](EVALHUB_[A-Z_]+|DATABASE_URL|REDIS_URL)[\"']")


def test_the_reference_names_the_settings_that_the_code_reads():
    in_code = {name for path in CODE for name in NAME.findall(read(path))}
    reference = read(BASE_DIR / Path("docs/reference/settings.md"))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE))

    assert documented == in_code
