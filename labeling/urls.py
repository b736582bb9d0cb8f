"""Addresses of the labeling pages and their REST interface."""

from django.urls import URLPattern

app_name = "labeling"
urlpatterns: list[URLPattern] = []
