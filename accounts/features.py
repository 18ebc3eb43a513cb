"""Features that clients look for in `/_matrix/client/versions` before they offer them: what other flows serve there."""

from collections.abc import Callable

_served: dict[str, Callable[[], bool]] = {}


def register(name: str, is_served: Callable[[], bool]) -> None:
    """Called once, when the flow's application is ready; `name` as clients know it."""
    _served[name] = is_served


def shown() -> dict[str, bool]:
    """Each feature, and whether it is served now."""
    return {name: is_served() for name, is_served in _served.items()}
