"""A transcript: what is sent, what comes back, what people do meanwhile."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.conformance.oauth.wire import FORM, Answer, ask, encoded

_RANDOM = re.compile(r"[A-Za-z0-9_+=/.-]{25,}")  # keys, tokens, codes: nobody reads them
_IN_ADDRESSES = re.compile(r"[A-Za-z0-9_+%-]{25,}")  # where a slash and a dot mean something
_WORDS = re.compile(r"[a-z_./-]+")
_KEPT = 6  # characters of them


def elided(value: Any) -> Any:
    """Without the rest of what is random; of lists and objects each member."""
    if isinstance(value, dict):
        return {name: elided(member) for name, member in value.items()}
    if isinstance(value, list):
        return [elided(member) for member in value]
    if not isinstance(value, str):
        return value
    pattern = _IN_ADDRESSES if "://" in value or value.startswith("/") else _RANDOM
    return pattern.sub(lambda found: found[0] if _WORDS.fullmatch(found[0]) else f"{found[0][:_KEPT]}…", value)


def as_json(value: Any) -> str:
    """One line, without what is random."""
    return json.dumps(elided(value), ensure_ascii=False)


class Paper:
    """Writes to standard output, and asks the server at this loopback port under its public name."""

    def __init__(self, port: int) -> None:
        self.port = port

    def door(self, title: str) -> None:
        """A new part."""
        print(f"\n== {title}")

    def say(self, text: str) -> None:
        """What people do, or see."""
        print(f"({elided(text)})")

    def note(self, title: str) -> None:
        """What follows."""
        print(f"\n# {title}")

    def sent(self, what: str) -> None:
        """One line that a client sends."""
        print(f"> {what}")

    def heard(self, what: str) -> None:
        """One line that it gets."""
        print(f"< {what}")

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        form: Mapping[str, str] | None = None,
        show: Sequence[str] = (),
    ) -> Answer:
        """One request and its answer; of a body of JSON only the members to `show`, if any are named."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        shown = [f"> {method} {elided(path)}"]
        content = None
        if token:
            shown.append(f" (Bearer {token[:_KEPT]}…)")
        if form is not None:
            content, headers["Content-Type"] = encoded(form), FORM
            shown.append("&".join(f"{name}={elided(value)}" for name, value in form.items()))
        elif body is not None:
            content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
            shown.append(as_json(body))
        print(" ".join(shown))
        answer = ask(self.port, method, path, body=content, headers=headers)
        told = {name: answer.json[name] for name in show if name in answer.json} if show else answer.json
        print(f"< {answer.status} {as_json(told)}")
        return answer

    def who(self, token: str) -> Any:
        """Whose account a token opens."""
        answer = self.ask("GET", "/api/me", token=token, show=("user_id", "username", "flow"))
        assert answer.status == 200, answer.body
        return answer.json["user_id"]
