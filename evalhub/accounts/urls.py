"""Addresses of login, account, members and keys."""

from django.urls import path

from evalhub.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("projects/new/", views.project_new, name="project_new"),
    path("p/<str:project>/members/", views.members, name="members"),
    path("p/<str:project>/members/<int:user_id>/", views.member, name="member"),
    path("p/<str:project>/keys/", views.keys, name="keys"),
    path("p/<str:project>/keys/<str:prefix>/revoke/", views.key_revoke, name="key_revoke"),
]
