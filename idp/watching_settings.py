"""The settings of guessers and of events to administrators in Django's terms; `idp/settings.py` takes them over."""

from ipaddress import IPv4Network, IPv6Network

from idp.declared import values as _declared
from idp.environment import Rate

GUESSER_BLOCKING: bool = _declared["GUESSER_BLOCKING"]
GUESSER_RATE: Rate = _declared["GUESSER_RATE"]
GUESSER_BLOCK: int = _declared["GUESSER_BLOCK"]
GUESSER_LONGEST_BLOCK: int = _declared["GUESSER_LONGEST_BLOCK"]
GUESSER_NETWORK_RATE: Rate = _declared["GUESSER_NETWORK_RATE"]
GUESSER_NETWORK_ADDRESSES: int = _declared["GUESSER_NETWORK_ADDRESSES"]
GUESSER_EXEMPT: list[IPv4Network | IPv6Network] = _declared["GUESSER_EXEMPT"]
GUESSER_RETENTION: int = _declared["GUESSER_RETENTION"]
ATTACKED_ACCOUNT_ADDRESSES: int = _declared["ATTACKED_ACCOUNT_ADDRESSES"]

EVENT_DIGEST: int = _declared["EVENT_DIGEST"]
EVENT_PATIENCE: int = _declared["EVENT_PATIENCE"]
EVENT_TIMEOUT: int = _declared["EVENT_TIMEOUT"]
EVENT_RETENTION: int = _declared["EVENT_RETENTION"]
EVENT_PRIVATE_TARGETS: bool = _declared["EVENT_PRIVATE_TARGETS"]
EVENT_HTTP_TARGETS: bool = _declared["EVENT_HTTP_TARGETS"]
WATCH_INTERVAL: int = _declared["WATCH_INTERVAL"]
MAIL_STUCK_AFTER: int = _declared["MAIL_STUCK_AFTER"]
HOMESERVER_SILENT_AFTER: int = _declared["HOMESERVER_SILENT_AFTER"]
JOB_FAILING_AFTER: int = _declared["JOB_FAILING_AFTER"]
