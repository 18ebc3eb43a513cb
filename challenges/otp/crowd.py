"""How many login sockets an address holds, over both doors of this process (websocket-otp.md §1)."""

from django.conf import settings

from accounts import figures, throttle
from challenges.socketio.rates import Heads

_heads = Heads()
figures.SOCKETS.watch(lambda: {("otp",): _heads.total})


def enter(ip: str) -> bool:
    """Counts one more; False when the address has as many as it may."""
    return _heads.enter(throttle.address_key(ip), settings.OTP_SOCKETS_PER_ADDRESS)


def leave(ip: str) -> None:
    """Undoes `enter`."""
    _heads.leave(throttle.address_key(ip))
