"""A hash made once per test process, for accounts whose password is not the matter: each hash costs 20 ms and more."""

from functools import cache

from accounts import passwords

PASSWORD = "correct horse battery"


@cache
def encoded(password: str = PASSWORD) -> str:
    """For `users.create(…, encoded=…)`; the account signs in with the password like any other."""
    return passwords.encode(password)
