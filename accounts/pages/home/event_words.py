"""Events of the audit log in words for the person they are about. What has no words here is not shown to them."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

Text = str | Promise

DONE: Mapping[str, Text] = {
    "login": gettext_lazy("Signed in"),
    "admin-login": gettext_lazy("Signed in to the administration"),
    "logout": gettext_lazy("Signed out"),
    "logout-everywhere": gettext_lazy("All Matrix apps were signed out"),
    "login-code-sent": gettext_lazy("A code for signing in was sent by e-mail"),
    "login-elsewhere": gettext_lazy("A remembered sign-in was used from another network"),
    "login-token": gettext_lazy("Another app was let in"),
    "stage-confirmed": gettext_lazy("A request of an app was confirmed"),
    "consent-given": gettext_lazy("An application was allowed to use your account"),
    "consent-refused": gettext_lazy("You refused an application"),
    "device-grant-approved": gettext_lazy("A device was let in by its code"),
    "device-grant-denied": gettext_lazy("You refused a device that asked with a code"),
    "token-revoked": gettext_lazy("An application signed out"),
    "device-ended-by-mail": gettext_lazy("A device was signed out by the link in a mail"),
    "device-ended": gettext_lazy("A device was signed out"),
    "devices-deleted": gettext_lazy("Devices were signed out by a Matrix app"),
    "device-renamed": gettext_lazy("A device got another name"),
    "sessions-ended": gettext_lazy("Everything was signed out"),
    "tokens-revoked": gettext_lazy("Something was signed out"),
    "password-set": gettext_lazy("A new password was set"),
    "second-factor-added": gettext_lazy("A second factor or passkey was added"),
    "second-factor-removed": gettext_lazy("A second factor or passkey was removed"),
    "second-factors-removed": gettext_lazy("All second factors were removed"),
    "recovery-codes-renewed": gettext_lazy("New recovery codes were made"),
    "recovery-code-used": gettext_lazy("A recovery code was used"),
    "email-added": gettext_lazy("An e-mail address was added"),
    "email-confirmed": gettext_lazy("An e-mail address was confirmed"),
    "email-primary": gettext_lazy("Another e-mail address was chosen for mails"),
    "email-removed": gettext_lazy("An e-mail address was removed"),
    "key-added": gettext_lazy("A key was added"),
    "key-moved": gettext_lazy("A key moved here from an account of its own"),
    "key-removed": gettext_lazy("A key was removed"),
    "key-renewed": gettext_lazy("A newer copy of a key was kept"),
    "key-published": gettext_lazy("Another key was chosen for others to find"),
    "upstream-connected": gettext_lazy("An account of another site was connected"),
    "upstream-disconnected": gettext_lazy("An account of another site was disconnected"),
    "user-created": gettext_lazy("The account was made"),
    "registration": gettext_lazy("The account was made"),
    "user-renamed": gettext_lazy("The account got another name"),
    "display-name-set": gettext_lazy("The display name was changed"),
    "user-locked": gettext_lazy("The account was locked"),
    "user-unlocked": gettext_lazy("The account was unlocked"),
    "user-suspended": gettext_lazy("The account was suspended"),
    "user-unsuspended": gettext_lazy("The suspension was ended"),
    "cross-signing-reset-allowed": gettext_lazy("Replacing the keys of your Matrix identity was allowed"),
}
REFUSED: Mapping[str, Text] = {
    "login": gettext_lazy("A sign-in was refused"),
    "admin-login": gettext_lazy("A sign-in to the administration was refused"),
    "login-code": gettext_lazy("A wrong code was entered"),
    "login-from-other-client": gettext_lazy("A remembered sign-in came from another browser and was refused"),
    "consent-given": gettext_lazy("An application was not let in"),
    "second-factor": gettext_lazy("A wrong second factor was given"),
    "admin-second-factor": gettext_lazy("A wrong second factor was given"),
    "signaling": gettext_lazy("A connection of Laverna was refused"),
    "key-added": gettext_lazy("A key was not added"),
    "refresh-token-replayed": gettext_lazy("A session was presented twice and ended: somebody may have copied it"),
    "authorization-code-replayed": gettext_lazy("A sign-in was presented twice and ended: somebody may have copied it"),
    "device-code-replayed": gettext_lazy("A sign-in was presented twice and ended: somebody may have copied it"),
}
REASONS: Mapping[str, Text] = {
    "credential-wrong": gettext_lazy("the password, key or code was wrong"),
    "challenge-invalid": gettext_lazy("it was too old, or used before"),
    "rate-limited": gettext_lazy("too many tries"),
    "not-admitted": gettext_lazy("the rules of this site forbid it"),
    "account-locked": gettext_lazy("the account was locked"),
    "account-suspended": gettext_lazy("the account was suspended"),
    "credential-taken": gettext_lazy("the key belongs to another account"),
}
FLOWS: Mapping[str, Text] = {
    "matrix": gettext_lazy("Matrix"),
    "session": gettext_lazy("Session"),
    "otp": gettext_lazy("Code by e-mail"),
    "openpgp": gettext_lazy("Laverna"),
    "devicelogin": gettext_lazy("This site"),
}
