"""Addresses of gates: their pages and their REST interface."""

from django.urls import path

from evalhub.gates import api, views

app_name = "gates"
urlpatterns = [
    path("p/<str:project>/datasets/<str:dataset>/gate/", views.gate, name="gate"),
    path("gates/<str:answer_id>/", views.answer, name="answer"),
    path(
        "api/v1/projects/<str:project>/datasets/<str:dataset>/gate",
        api.Gate.as_view(),
        name="api_gate",
    ),
    path(
        "api/v1/projects/<str:project>/datasets/<str:dataset>/blessings",
        api.Blessings.as_view(),
        name="api_blessings",
    ),
    path("api/v1/runs/<str:run_id>/gate", api.Ask.as_view(), name="api_ask"),
    path("api/v1/gates/<str:answer_id>", api.Answer.as_view(), name="api_answer"),
    path("api/v1/gates/<str:answer_id>/waiver", api.Waiver.as_view(), name="api_waiver"),
]
