"""Beat alone: it only sends wake-ups, so it loads no app and cannot open the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalhub.settings")

app = Celery("evalhub", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
