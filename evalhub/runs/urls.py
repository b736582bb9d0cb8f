"""Addresses of the runs pages and their REST interface."""

from django.urls import URLPattern

app_name = "runs"
urlpatterns: list[URLPattern] = []
