"""A remembered login used from a network it was not used from before: its owner hears of it (websocket-otp.md §3)."""

from accounts import addresses, audit, clock, emails, ledger, mail
from accounts.errors import Refusal
from accounts.models import User
from challenges.otp import clients, jwts
from challenges.otp.records import FLOW

_PURPOSE = "network-seen"


def tell_of_new(login: jwts.Login, user: User, *, ip: str) -> None:
    """Mails the owner at the first use from a network, in the transaction that grants it."""
    if not is_new(login, ip):
        return
    audit.record("login-elsewhere", flow=FLOW, subject=user.username, ip=ip)
    facts = {"username": user.username, "client": clients.shown(login.client), "ip": ip}
    for address in emails.confirmed(user.pk):
        mail.send("login-elsewhere", to=address, facts=facts)


def is_new(login: jwts.Login, ip: str) -> bool:
    """Whether the login comes from this network for the first time, and never again: by one unique INSERT."""
    here = addresses.neighbourhood(ip)
    if here == addresses.neighbourhood(login.ip):
        return False
    left = max(login.exp - clock.now().timestamp(), 1.0)
    try:
        ledger.consume_stateless(f"{login.nonce} {here}", flow=FLOW, purpose=_PURPOSE, lifetime=left)
    except Refusal:
        return False
    return True
