"""The paths of the Session door. One trailing slash also works, as in the original (session-open-group.md §3)."""

from django.urls import re_path
from django.urls.resolvers import URLPattern

from challenges.session import views

urlpatterns: list[URLPattern] = [
    re_path(r"^loki/v1/get_challenge/?\Z", views.ChallengeView.as_view(hot_methods=("GET", "HEAD"))),
    re_path(r"^loki/v1/submit_challenge/?\Z", views.ChallengeView.as_view(hot_methods=("POST",))),
    re_path(r"^(?:stream/0/)?token/?\Z", views.TokenView.as_view()),
    re_path(r"^loki/v1/user_info/?\Z", views.UserInfoView.as_view()),
    re_path(r"^users/me/?\Z", views.ProfileView.as_view()),
    re_path(
        r"^loki/v1/moderation/blacklist/(?P<identifier>[^/]+)/?\Z",
        views.ModerationView.as_view(list_name="blacklist"),
    ),
    re_path(
        r"^loki/v1/moderation/whitelist/(?P<identifier>[^/]+)/?\Z",
        views.ModerationView.as_view(list_name="whitelist"),
    ),
    re_path(r"^loki/v1/moderators/(?P<identifier>[^/]+)/?\Z", views.ModerationView.as_view(list_name="moderators")),
    re_path(r"^loki/v1/channels/(?P<number>[^/]+)/moderators/?\Z", views.ChannelModeratorsView.as_view()),
    re_path(r"^loki/v1/channel/(?P<number>[^/]+)/get_moderators/?\Z", views.ChannelModeratorsView.as_view()),
]
