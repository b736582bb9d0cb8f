"""Addresses of the scorer pages and their REST interface."""

from django.urls import path

from evalhub.scorers import api, views

app_name = "scorers"
PAGE = "p/<str:project>/scorers/<str:slug>/"
urlpatterns = [
    path("p/<str:project>/scorers/", views.scorer_list, name="list"),
    path("p/<str:project>/new-scorer/", views.scorer_new, name="new"),
    path(PAGE, views.scorer_detail, name="detail"),
    path(f"{PAGE}try/", views.scorer_try, name="try"),
    path(f"{PAGE}host/", views.scorer_host, name="host"),
    path(f"{PAGE}retire/", views.scorer_retire, name="retire"),
    path("api/v1/projects/<str:project>/scorers", api.Scorers.as_view(), name="api_scorers"),
]
