"""Addresses of the runs pages and their REST interface."""

from django.urls import path

from evalhub.runs import api, rescoring_api, rescoring_views, views

app_name = "runs"
PAGE, REST = "runs/<str:run_id>/", "api/v1/runs/<str:run_id>"
OF_DATASET = "p/<str:project>/datasets/<str:dataset>/rescorings/"
RESCORINGS = "api/v1/projects/<str:project>/datasets/<str:dataset>/rescorings"
RESCORING = "api/v1/rescorings/<str:rescoring_id>"
urlpatterns = [
    path("metrics/", views.metrics, name="metrics"),
    path("p/<str:project>/runs/", views.run_list, name="list"),
    path(PAGE, views.detail, name="detail"),
    path(f"{PAGE}progress/", views.progress, name="progress"),
    path(f"{PAGE}measure/", views.measure, name="measure"),
    path(f"{PAGE}outputs/<int:position>/<int:attempt>/", views.output, name="output"),
    path(OF_DATASET, rescoring_views.of_dataset, name="rescorings"),
    path(f"{OF_DATASET}new/", rescoring_views.new, name="rescore"),
    path("rescorings/<str:rescoring_id>/", rescoring_views.detail, name="rescoring"),
    path("api/v1/projects/<str:project>/runs", api.Runs.as_view(), name="api_runs"),
    path(REST, api.RunDetail.as_view(), name="api_run"),
    path(f"{REST}/outputs", api.Outputs.as_view(), name="api_outputs"),
    path(f"{REST}/slices", api.Slices.as_view(), name="api_slices"),
    path(f"{REST}/finish", api.Finish.as_view(), name="api_finish"),
    path(f"{REST}/measurements", api.Measurements.as_view(), name="api_measurements"),
    path(f"{REST}/confusion", api.ConfusionMatrix.as_view(), name="api_confusion"),
    path(f"{REST}/cancel", api.Cancel.as_view(), name="api_cancel"),
    path(f"{REST}/reopen", api.Reopen.as_view(), name="api_reopen"),
    path(RESCORINGS, rescoring_api.Rescorings.as_view(), name="api_rescorings"),
    path(RESCORING, rescoring_api.RescoringDetail.as_view(), name="api_rescoring"),
    path(f"{RESCORING}/runs", rescoring_api.RescoredRuns.as_view(), name="api_rescoring_runs"),
    path(
        f"{RESCORING}/cancel",
        rescoring_api.CancelRescoring.as_view(),
        name="api_rescoring_cancel",
    ),
    path(
        f"{RESCORING}/resume",
        rescoring_api.ResumeRescoring.as_view(),
        name="api_rescoring_resume",
    ),
    path("api/v1/metrics", api.Metrics.as_view(), name="api_metrics"),
]
