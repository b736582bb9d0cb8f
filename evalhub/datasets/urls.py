"""Addresses of the datasets pages and their REST interface."""

from django.urls import URLPattern

app_name = "datasets"
urlpatterns: list[URLPattern] = []
