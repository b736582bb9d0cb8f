"""What runs beside the desk: looking after agreement."""

from __future__ import annotations

from evalhub.celery import app
from labeling import alerts


@app.task(name="labeling.look_around")
def look_around() -> None:
    """Raise and clear alerts of campaigns that have new answers."""
    alerts.look_around()
