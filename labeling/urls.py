"""Addresses of the labeling pages and their REST interface."""

from django.urls import path

from labeling import api, deciding_api, leading_api
from labeling.views import (
    agreement,
    asking,
    campaigns,
    controls,
    deciding,
    desk,
    files,
    guidelines,
    history,
    people,
    setting_up,
)

app_name = "labeling"
REST = "api/v1/campaigns/<str:campaign_id>"
PAGE = "campaigns/<str:campaign_id>/"
urlpatterns = [
    path("p/<str:project>/labeling/", campaigns.campaign_list, name="list"),
    path("p/<str:project>/labeling/new/", setting_up.new, name="new"),
    path(PAGE, campaigns.detail, name="campaign"),
    path(f"{PAGE}people/", people.people, name="people"),
    path(f"{PAGE}people/<int:annotator_id>/", people.person, name="person"),
    path(f"{PAGE}guidelines/", guidelines.guidelines, name="guidelines"),
    path(f"{PAGE}questions/", asking.questions, name="questions"),
    path(f"{PAGE}agreement/", agreement.agreement, name="agreement"),
    path(f"{PAGE}agreement/more/", agreement.more, name="agreement_more"),
    path(f"{PAGE}deciding/", deciding.queue, name="deciding"),
    path(f"{PAGE}deciding/<str:unit_id>/", deciding.decide, name="decide"),
    path(f"{PAGE}controls/", controls.controls, name="controls"),
    path(f"{PAGE}files/", files.listing, name="files"),
    path(f"{PAGE}files/<str:name>", files.download, name="file"),
    path(f"{PAGE}desk/", desk.desk, name="desk"),
    path(f"{PAGE}answers/", history.own_history, name="history"),
    path("api/v1/projects/<str:project>/campaigns", api.Campaigns.as_view(), name="api_campaigns"),
    path(REST, api.CampaignDetail.as_view(), name="api_campaign"),
    path(f"{REST}/annotations", api.Annotations.as_view(), name="api_annotations"),
    path(f"{REST}/preferences", api.Preferences.as_view(), name="api_preferences"),
    path(f"{REST}/agreement", api.CampaignAgreement.as_view(), name="api_agreement"),
    path(f"{REST}/decisions", deciding_api.Decisions.as_view(), name="api_decisions"),
    path(f"{REST}/guidelines", leading_api.Guidelines.as_view(), name="api_guidelines"),
    path(f"{REST}/questions", leading_api.Questions.as_view(), name="api_questions"),
    path(f"{REST}/state", leading_api.CampaignState.as_view(), name="api_state"),
    path(f"{REST}/controls", deciding_api.Controls.as_view(), name="api_controls"),
    path(f"{REST}/publish", api.Publication.as_view(), name="api_publish"),
]
