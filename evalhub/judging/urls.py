"""Addresses of the judging pages."""

from django.urls import path

from evalhub.judging import views

app_name = "judging"
urlpatterns = [path("p/<str:project>/judges/", views.judges, name="list")]
