"""Addresses of login, account, members, invitations and keys."""

from django.urls import path

from evalhub.accounts import api
from evalhub.accounts.views import account, arrivals, invitations, keys, members

app_name = "accounts"
PROJECT = "p/<str:project>/"
MEMBER = f"{PROJECT}members/<int:user_id>/"
INVITATION = f"{PROJECT}invitations/<str:invitation_id>/"
REST = "api/v1/projects/<str:project>/invitations"
urlpatterns = [
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("projects/new/", account.project_new, name="project_new"),
    path("invitations/<str:invitation_token>/", arrivals.invitation, name="invitation"),
    path("passwords/<str:password_token>/", arrivals.new_password, name="new_password"),
    path(f"{PROJECT}members/", members.members, name="members"),
    path(MEMBER, members.member, name="member"),
    path(f"{MEMBER}password/", members.member_password, name="member_password"),
    path(f"{PROJECT}invitations/", invitations.invitations, name="invitations"),
    path(f"{INVITATION}revoke/", invitations.invitation_revoke, name="invitation_revoke"),
    path(f"{PROJECT}keys/", keys.keys, name="keys"),
    path(f"{PROJECT}keys/<str:prefix>/revoke/", keys.key_revoke, name="key_revoke"),
    path(REST, api.Invitations.as_view(), name="api_invitations"),
    path(f"{REST}/<str:invitation_id>", api.InvitationDetail.as_view(), name="api_invitation"),
]
