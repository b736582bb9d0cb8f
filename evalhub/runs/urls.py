"""Addresses of the runs pages and their REST interface."""

from django.urls import path

from evalhub.runs import api, views

app_name = "runs"
PAGE, REST = "runs/<str:run_id>/", "api/v1/runs/<str:run_id>"
urlpatterns = [
    path("p/<str:project>/runs/", views.run_list, name="list"),
    path(PAGE, views.detail, name="detail"),
    path(f"{PAGE}progress/", views.progress, name="progress"),
    path(f"{PAGE}measure/", views.measure, name="measure"),
    path(f"{PAGE}outputs/<int:position>/<int:attempt>/", views.output, name="output"),
    path("api/v1/projects/<str:project>/runs", api.Runs.as_view(), name="api_runs"),
    path(REST, api.RunDetail.as_view(), name="api_run"),
    path(f"{REST}/outputs", api.Outputs.as_view(), name="api_outputs"),
    path(f"{REST}/finish", api.Finish.as_view(), name="api_finish"),
    path(f"{REST}/measurements", api.Measurements.as_view(), name="api_measurements"),
    path(f"{REST}/cancel", api.Cancel.as_view(), name="api_cancel"),
    path(f"{REST}/reopen", api.Reopen.as_view(), name="api_reopen"),
    path("api/v1/metrics", api.Metrics.as_view(), name="api_metrics"),
]
