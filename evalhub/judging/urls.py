"""Addresses of the judging pages."""

from django.urls import path

from evalhub.judging import views

app_name = "judging"
PAGES = "p/<str:project>/judges/"
urlpatterns = [
    path(PAGES, views.judge_list, name="list"),
    path(f"{PAGES}calls/<str:digest>/", views.judge_call, name="call"),
]
