"""Django's settings for the tests: the product's own, in a directory that is gone afterwards."""

import atexit
import os
import shutil
import tempfile

if "EVALHUB_TEST_DIR" not in os.environ:
    # Worker processes of the tests inherit the directory; only its maker removes it.
    os.environ["EVALHUB_TEST_DIR"] = tempfile.mkdtemp(prefix="evalhub-tests-")
    atexit.register(shutil.rmtree, os.environ["EVALHUB_TEST_DIR"], ignore_errors=True)
os.environ["EVALHUB_DATA_DIR"] = os.environ["EVALHUB_TEST_DIR"]

from evalhub.settings import *

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and processes of a test meet the locks that people meet.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "tests.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    )
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Messages go to a broker in this process. Journeys run the real one.
CELERY_BROKER_URL = "memory://"
