"""Addresses of the reports pages and their REST interface."""

from django.urls import URLPattern

app_name = "reports"
urlpatterns: list[URLPattern] = []
