"""The gates app."""

from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "evalhub.gates"
    label = "gates"
