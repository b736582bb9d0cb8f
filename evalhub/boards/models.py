"""What is kept of large boards while they are computed: never more than can be computed again."""

from __future__ import annotations

from django.db import models

from evalhub.runs.models import Measurement


class KeptPair(models.Model):
    """How two measurements compare, for the next look at their board.

    `digest` covers the measurements as they stand and the version of the method. `answer` is JSON
    in a text: an interval may have no end, which PostgreSQL's JSON cannot say.
    """

    first = models.ForeignKey(Measurement, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Measurement, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    answer = models.TextField()

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"


class Turn(models.Model):
    """A large board is computed by one process at a time: whoever has the turn, until it ends."""

    board = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.board
