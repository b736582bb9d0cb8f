"""Addresses of the runs pages and their REST interface."""

from django.urls import path

from evalhub.runs import api

app_name = "runs"
REST = "api/v1/runs/<str:run_id>"
urlpatterns = [
    path("api/v1/projects/<str:project>/runs", api.Runs.as_view(), name="api_runs"),
    path(REST, api.RunDetail.as_view(), name="api_run"),
    path(f"{REST}/outputs", api.Outputs.as_view(), name="api_outputs"),
    path(f"{REST}/finish", api.Finish.as_view(), name="api_finish"),
    path(f"{REST}/measurements", api.Measurements.as_view(), name="api_measurements"),
    path(f"{REST}/cancel", api.Cancel.as_view(), name="api_cancel"),
    path(f"{REST}/reopen", api.Reopen.as_view(), name="api_reopen"),
    path("api/v1/metrics", api.Metrics.as_view(), name="api_metrics"),
]
