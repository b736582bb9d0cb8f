"""What is read of runs."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from evalhub.runs.models import Worker

ALIVE = timedelta(seconds=45)


def living_workers() -> int:
    """Count the workers that were alive lately."""
    return Worker.objects.filter(seen_at__gte=timezone.now() - ALIVE).count()
