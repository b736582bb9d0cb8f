"""Addresses of the labeling pages and their REST interface."""

from django.urls import path

from labeling import api

app_name = "labeling"
REST = "api/v1/campaigns/<str:campaign_id>"
urlpatterns = [
    path("api/v1/projects/<str:project>/campaigns", api.Campaigns.as_view(), name="api_campaigns"),
    path(REST, api.CampaignDetail.as_view(), name="api_campaign"),
    path(f"{REST}/annotations", api.Annotations.as_view(), name="api_annotations"),
    path(f"{REST}/agreement", api.CampaignAgreement.as_view(), name="api_agreement"),
    path(f"{REST}/publish", api.Publication.as_view(), name="api_publish"),
]
