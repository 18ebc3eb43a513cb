"""What only an operator can do here: reach into the database, read the mails. Also a command, for the clients in Node.

python -m tests.conformance.matrix.operating VAR_DIR DATABASE_URL expire NAME
python -m tests.conformance.matrix.operating VAR_DIR DATABASE_URL link ADDRESS
"""

import sys
from pathlib import Path

from tests.conformance.matrix import mails
from tests.live import Database

_LONG_AGO = "2020-01-01 00:00:00+00:00"


def run(database: Database, sql: str) -> None:
    """One statement that changes rows."""
    connection = database.connect()
    connection.execute(sql)
    connection.commit()
    connection.close()


def expire_access(database: Database, name: str) -> None:
    """Puts the end of an account's access tokens into the past."""
    of_account = f"user_id = (SELECT id FROM accounts_user WHERE username = '{name}')"
    run(database, f"UPDATE accounts_token SET expires_at = '{_LONG_AGO}' WHERE kind = 'access' AND {of_account}")


def expire_login_tokens(database: Database, name: str) -> None:
    """The same for the login tokens that the account asked for."""
    of_account = f"user_id = (SELECT id FROM accounts_user WHERE username = '{name}')"
    sql = f"UPDATE accounts_challenge SET expires_at = '{_LONG_AGO}' WHERE purpose = 'login-token' AND {of_account}"
    run(database, sql)


def make_administrator(database: Database, name: str) -> None:
    run(database, f"UPDATE accounts_user SET is_staff = '1' WHERE username = '{name}'")


def take_password(database: Database, name: str) -> None:
    """The account is left without a password, as one that signs in elsewhere."""
    run(database, f"UPDATE accounts_user SET password = '!x' WHERE username = '{name}'")


if __name__ == "__main__":
    _, folder, url, verb, subject = sys.argv
    if verb == "expire":
        expire_access(Database(url), subject)
    else:
        print(mails.link(Path(folder), subject))
