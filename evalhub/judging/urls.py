"""Addresses of the judging pages and their REST interface."""

from django.urls import URLPattern

app_name = "judging"
urlpatterns: list[URLPattern] = []
