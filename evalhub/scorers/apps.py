"""The scorers app."""

from django.apps import AppConfig


class ScorersConfig(AppConfig):
    name = "evalhub.scorers"
    label = "scorers"
