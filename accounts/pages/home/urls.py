"""Paths of one's account below /account/; `accounts.pages.urls` takes them in."""

from django.urls import path

from accounts.pages.home.views import closing, devices, emails, events, keys, profile

urlpatterns = [
    path("profile/", profile.profile, name="profile"),
    path("profile/name/", profile.rename, name="rename"),
    path("emails/", emails.overview, name="emails"),
    path("emails/add/", emails.add, name="email-add"),
    path("emails/confirm/", emails.confirm, name="email-confirm"),
    path("emails/<int:address_id>/primary/", emails.primary, name="email-primary"),
    path("emails/<int:address_id>/remove/", emails.remove, name="email-remove"),
    path("devices/", devices.overview, name="devices"),
    path("devices/end-others/", devices.end_others, name="devices-end"),
    path("devices/<str:ref>/", devices.device, name="device"),
    path("devices/<str:ref>/name/", devices.rename, name="device-name"),
    path("devices/<str:ref>/end/", devices.end, name="device-end"),
    path("keys/", keys.overview, name="keys"),
    path("keys/session/add/", keys.add_session, name="key-add-session"),
    path("keys/openpgp/add/", keys.add_openpgp, name="key-add-openpgp"),
    path("keys/openpgp/<str:key>/publish/", keys.publish, name="key-publish"),
    path("keys/<str:kind>/<str:key>/remove/", keys.remove, name="key-remove"),
    path("events/", events.events, name="events"),
    path("close/", closing.close, name="close"),
    path("identity-reset/", closing.identity_reset, name="identity-reset"),
]
