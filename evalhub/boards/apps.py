"""The boards app. What it says is computed from runs when it is read."""

from django.apps import AppConfig


class BoardsConfig(AppConfig):
    name = "evalhub.boards"
    label = "boards"
