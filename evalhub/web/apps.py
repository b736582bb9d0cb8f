"""The web app: what pages share."""

from django.apps import AppConfig

from evalhub import checks


class WebConfig(AppConfig):
    name = "evalhub.web"
    label = "web"

    def ready(self) -> None:
        checks.register_all()
