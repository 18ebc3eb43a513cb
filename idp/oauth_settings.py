"""The settings of OAuth and device login in Django's terms; `idp/settings.py` takes them over."""

from idp.declared import values as _declared
from idp.environment import Rate

OAUTH: bool = _declared["OAUTH"]
OAUTH_CLIENT_HOSTS: list[str] = [host.lower().rstrip(".") for host in _declared["OAUTH_CLIENT_HOSTS"]]
OAUTH_ACCESS_LIFETIME: int = _declared["OAUTH_ACCESS_LIFETIME"]
OAUTH_REFRESH_IDLE: int = _declared["OAUTH_REFRESH_IDLE"]
OAUTH_CODE_LIFETIME: int = _declared["OAUTH_CODE_LIFETIME"]
OAUTH_ID_TOKEN_LIFETIME: int = _declared["OAUTH_ID_TOKEN_LIFETIME"]
OAUTH_DEVICE_GRANT: bool = _declared["OAUTH_DEVICE_GRANT"]
DEVICE_CODE_LIFETIME: int = _declared["DEVICE_CODE_LIFETIME"]
DEVICE_CODE_INTERVAL: int = _declared["DEVICE_CODE_INTERVAL"]
DEVICE_CODE_LINK: bool = _declared["DEVICE_CODE_LINK"]
OAUTH_CLIENT_RETENTION: int = _declared["OAUTH_CLIENT_RETENTION"]
OAUTH_REGISTRATION_RATE: Rate = _declared["OAUTH_REGISTRATION_RATE"]
OAUTH_AUTHORIZE_RATE: Rate = _declared["OAUTH_AUTHORIZE_RATE"]
OAUTH_FAILURE_RATE: Rate = _declared["OAUTH_FAILURE_RATE"]
DEVICE_CODE_RATE: Rate = _declared["DEVICE_CODE_RATE"]
DEVICE_CODE_UNDECIDED: int = _declared["DEVICE_CODE_UNDECIDED"]
USER_CODE_RATE: Rate = _declared["USER_CODE_RATE"]
USER_CODE_ADDRESS_RATE: Rate = _declared["USER_CODE_ADDRESS_RATE"]
USER_CODE_BRAKE: Rate = _declared["USER_CODE_BRAKE"]
