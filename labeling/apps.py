"""The labeling app."""

from importlib import import_module

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "labeling"
    label = "labeling"

    def ready(self) -> None:
        """Begin to hear what becomes of people; receivers need models, which are there by now."""
        import_module("labeling.receivers")
