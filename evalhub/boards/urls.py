"""Addresses of trends and leaderboards, and of their REST interface."""

from django.urls import path

from evalhub.boards import api, views

app_name = "boards"
PAGES = "p/<str:project>/datasets/<str:dataset>/"
REST = "api/v1/projects/<str:project>/datasets/<str:dataset>/"
urlpatterns = [
    path(f"{PAGES}trends/", views.trends, name="trends"),
    path(f"{PAGES}leaderboard/", views.leaderboard, name="leaderboard"),
    path(f"{REST}trends", api.Trends.as_view(), name="api_trends"),
    path(f"{REST}leaderboard", api.Leaderboard.as_view(), name="api_leaderboard"),
]
