"""Who may create a rendezvous session: RENDEZVOUS_MODE, or what an administrator turned it to (qr-login.md §2.8)."""

from accounts import switches

OPEN, AUTHENTICATED, OFF = "open", "authenticated", "off"
NAME = "rendezvous-mode"
SWITCH = switches.Switch(
    name=NAME,
    setting="RENDEZVOUS_MODE",
    label="QR login: who may open a session",
    positions={
        OPEN: "Everybody may: a device that is not signed in yet can show its QR code through this server.",
        AUTHENTICATED: "Who is signed in. Programs of 2024 cannot tell that they are, and do not offer QR login then.",
        OFF: "Nobody: the paths of QR login answer 404, those of live sessions too.",
    },
)


def current() -> str:
    """The mode in force; a change counts everywhere within a second."""
    return switches.value(NAME)


def of_position(turned: str) -> str:
    """The mode in force when this is what an administrator turned the switch to, "" for nobody has."""
    return turned if turned in SWITCH.positions else SWITCH.default
