"""How long something that is signed under SECRET_KEY may live: so long an older key must verify (R31)."""

from django.conf import settings

from accounts import new_devices


def longest() -> int:
    """Seconds.

    Rows that are sealed do not count, because a rotation seals them anew, nor do recovery codes, whose keys are kept
    (`accounts.kept_keys`). The mark of an administrator's browser may outlive its key: nobody is signed in by it.
    """
    signed: list[float] = [
        settings.BROWSER_LIFETIME,  # a session's row is signed
        settings.ADMIN_LIFETIME,
        settings.OTP_TOKEN_MAX_AGE,
        settings.OTP_CODE_LIFETIME,
        settings.OPENPGP_TOKEN_LIFETIME,
        settings.OPENPGP_SESSION_TOKEN_LIFETIME,
        settings.SESSION_CHALLENGE_LIFETIME,
        settings.MATRIX_MAIL_TOKEN_LIFETIME,
        settings.MATRIX_UIA_MAIL_LIFETIME,
        settings.PAGE_CODE_LIFETIME,
        settings.PAGE_LINK_LIFETIME,
        settings.DEVICE_CODE_LIFETIME,
        new_devices.LIFETIME,
    ]
    return int(max(signed))
