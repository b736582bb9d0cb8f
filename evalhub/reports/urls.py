"""Addresses of the comparison pages and their REST interface."""

from django.urls import path

from evalhub.reports import api, views

app_name = "reports"
urlpatterns = [
    path("p/<str:project>/comparisons/", views.comparison_list, name="list"),
    path("p/<str:project>/comparisons/new/", views.new, name="new"),
    path("p/<str:project>/comparisons/many/", views.many, name="many"),
    path("comparisons/<str:comparison_id>/", views.detail, name="detail"),
    path("comparisons/<str:comparison_id>/report/<str:form>", views.download, name="file"),
    path("comparisons/<str:comparison_id>/links/", views.share, name="share"),
    path(
        "comparisons/<str:comparison_id>/links/<str:link_id>/revoke",
        views.link_revoke,
        name="link_revoke",
    ),
    path("shared/<str:share_token>/", views.shared, name="shared"),
    path("schemas/comparison.json", views.json_schema, name="schema"),
    path("api/v1/comparisons/many", api.ManyComparisons.as_view(), name="api_many"),
    path(
        "api/v1/comparisons/<str:comparison_id>",
        api.StoredComparison.as_view(),
        name="api_comparison",
    ),
    path("api/v1/comparisons", api.Comparisons.as_view(), name="api_comparisons"),
]
