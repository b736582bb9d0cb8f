#!/usr/bin/env python3
"""The command line of the service: migrations, keys, demo data, and Django's own commands."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import Error


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalhub.settings")
    try:
        execute_from_command_line(sys.argv)
    except Error as exc:
        if "--traceback" in sys.argv:
            raise
        reason = " ".join(str(exc).split()).rstrip(".?")
        sys.exit(
            f"The database cannot be used: {reason}. DATABASE_URL says where it is; "
            "without one it is a file in EVALHUB_DATA_DIR. --traceback shows more."
        )


if __name__ == "__main__":
    main()
