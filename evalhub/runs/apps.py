"""The runs app."""

from django.apps import AppConfig
from django.conf import settings

from evalhub.environment import SettingError
from metrics.custom import CustomMetricError, load_all


class RunsConfig(AppConfig):
    name = "evalhub.runs"
    label = "runs"

    def ready(self) -> None:
        """Load the operator's metrics; what cannot be used stops the start with its sentence."""
        try:
            load_all(settings.METRIC_SOURCES)
        except CustomMetricError as exc:
            raise SettingError(f"EVALHUB_METRICS: {exc}") from exc
