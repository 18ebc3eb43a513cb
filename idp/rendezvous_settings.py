"""The settings of rendezvous sessions in Django's terms; `idp/settings.py` takes them over."""

from idp.declared import values as _declared
from idp.environment import Rate

RENDEZVOUS_MODE: str = _declared["RENDEZVOUS_MODE"]
RENDEZVOUS_LIFETIME: int = _declared["RENDEZVOUS_LIFETIME"]
RENDEZVOUS_MOST: int = _declared["RENDEZVOUS_MOST"]
RENDEZVOUS_PER_ADDRESS: int = _declared["RENDEZVOUS_PER_ADDRESS"]
RENDEZVOUS_PER_USER: int = _declared["RENDEZVOUS_PER_USER"]
RENDEZVOUS_CREATE_RATE: Rate = _declared["RENDEZVOUS_CREATE_RATE"]
RENDEZVOUS_WRITE_RATE: Rate = _declared["RENDEZVOUS_WRITE_RATE"]
RENDEZVOUS_READ_RATE: Rate = _declared["RENDEZVOUS_READ_RATE"]
