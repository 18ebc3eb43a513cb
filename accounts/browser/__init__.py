"""Signed-in browsers: a device and a token row each, whose secret lives in the Django session (R27, R47, R52).

A view of any flow asks for one with `@browser.required` and then reads `request.browser`. What ends tokens (a changed
password, "end all", a deny rule, the administration) ends the browser with its next request.
"""

from accounts.browser.gate import authenticated_within, current, required
from accounts.browser.going_on import next_path, with_next
from accounts.browser.signing import FLOW, confirm_again, sign_in, sign_out
from accounts.browser.who import Browser

__all__ = [
    "FLOW",
    "Browser",
    "authenticated_within",
    "confirm_again",
    "current",
    "next_path",
    "required",
    "sign_in",
    "sign_out",
    "with_next",
]
