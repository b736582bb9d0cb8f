"""Addresses of the accounts pages and their REST interface."""

from django.urls import URLPattern

app_name = "accounts"
urlpatterns: list[URLPattern] = []
