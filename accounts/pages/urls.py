"""Paths below /account/."""

from django.urls import path

from accounts.pages.home import urls as home_urls
from accounts.pages.views import again, factors, home, new_device, password, signing_in, signing_up, upstream

app_name = "pages"
urlpatterns = [
    path("", home.home, name="home"),
    path("login/", signing_in.login, name="login"),
    path("login/code/", signing_in.code, name="login-code"),
    path("login/code/enter/", signing_in.code_enter, name="login-code-enter"),
    path("login/passkey/", signing_in.passkey, name="login-passkey"),
    path("login/passkey/options/", signing_in.passkey_options, name="login-passkey-options"),
    path("login/second-step/", signing_in.second_step, name="second-step"),
    path("login/second-step/options/", signing_in.second_step_options, name="second-step-options"),
    path("logout/", signing_in.logout, name="logout"),
    path("signup/", signing_up.signup, name="signup"),
    path("signup/confirm/", signing_up.signup_confirm, name="signup-confirm"),
    path("password/", password.password, name="password"),
    path("password/reset/", password.reset, name="reset"),
    path("password/reset/new/", password.reset_new, name="reset-new"),
    path("new-device/", new_device.new_device, name="new-device"),
    path("reauthenticate/", again.reauthenticate, name="reauthenticate"),
    path("reauthenticate/options/", again.passkey_options, name="reauthenticate-options"),
    path("reauthenticate/code/", again.mailed, name="reauthenticate-code"),
    path("second-factors/", factors.overview, name="second-factors"),
    path("second-factors/app/", factors.app, name="factors-app"),
    path("second-factors/app/remove/", factors.app_remove, name="factors-app-remove"),
    path("second-factors/codes/", factors.codes, name="factors-codes"),
    path("second-factors/passkeys/", factors.passkey, name="factors-passkey"),
    path("second-factors/passkeys/options/", factors.passkey_options, name="factors-passkey-options"),
    path("second-factors/passkeys/<int:passkey_id>/name/", factors.passkey_rename, name="factors-passkey-name"),
    path("second-factors/passkeys/<int:passkey_id>/remove/", factors.passkey_remove, name="factors-passkey-remove"),
    *home_urls.urlpatterns,
    path("upstream/", upstream.connections, name="upstream"),
    path("upstream/new/", upstream.new, name="upstream-new"),
    path("upstream/<slug:provider_id>/start/", upstream.start, name="upstream-start"),
]
