"""Addresses of the dataset pages and their REST interface."""

from django.urls import path

from evalhub.datasets import api, upload_views, views

app_name = "datasets"
PAGES, REST = "p/<str:project>/datasets/", "api/v1/projects/<str:project>/datasets"
urlpatterns = [
    path(PAGES, views.dataset_list, name="list"),
    path(f"{PAGES}new/", upload_views.upload, name="upload"),
    path(f"{PAGES}new/<str:token>/", upload_views.upload_columns, name="upload_columns"),
    path(f"{PAGES}<str:dataset>/", views.detail, name="detail"),
    path(f"{PAGES}<str:dataset>/v<int:number>/", views.version, name="version"),
    path(f"{PAGES}<str:dataset>/v<int:number>/tags/", views.tag, name="tag"),
    path(
        f"{PAGES}<str:dataset>/v<int:number>/examples/<int:position>/",
        views.example,
        name="example",
    ),
    path(REST, api.Datasets.as_view(), name="api_datasets"),
    path(f"{REST}/<str:dataset>/versions", api.Versions.as_view(), name="api_versions"),
    path(
        f"{REST}/<str:dataset>/versions/<str:version>/examples",
        api.Examples.as_view(),
        name="api_examples",
    ),
]
