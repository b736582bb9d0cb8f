"""Every address of the service. Apps hold their full paths; this only mounts them."""

from django.urls import include, path

handler404 = "evalhub.web.errors.not_found"
handler403 = "evalhub.web.errors.forbidden"
handler400 = "evalhub.web.errors.bad_request"
handler500 = "evalhub.web.errors.server_error"

urlpatterns = [
    path("", include("evalhub.web.urls")),
    path("", include("evalhub.accounts.urls")),
    path("", include("evalhub.datasets.urls")),
    path("", include("evalhub.scorers.urls")),
    path("", include("evalhub.runs.urls")),
    path("", include("evalhub.judging.urls")),
    path("", include("evalhub.reports.urls")),
    path("", include("evalhub.boards.urls")),
    path("", include("evalhub.gates.urls")),
    path("", include("labeling.urls")),
]
