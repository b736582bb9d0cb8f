"""Django's settings for the tests: the product's own, in a directory that is gone afterwards."""

import os
import secrets
import tempfile
from pathlib import Path

# Named here, made and removed by conftest.py. The tests' worker processes inherit the name.
os.environ.setdefault(
    "EVALHUB_TEST_DIR", str(Path(tempfile.gettempdir(), f"evalhub-tests-{secrets.token_hex(8)}"))
)
os.environ["EVALHUB_DATA_DIR"] = os.environ["EVALHUB_TEST_DIR"]
os.environ.setdefault("EVALHUB_SECRET_KEY", secrets.token_urlsafe(64))

from evalhub.settings import *

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and processes of a test meet the locks that people meet.
    DATABASES["default"]["NAME"] = ":memory:"
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "tests.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    )
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Messages go to a broker in this process. Journeys run the real one.
CELERY_BROKER_URL = "memory://"
