"""What the figures should be: (server, what) → the most allowed. None of the house's tests depends on a goal."""

from collections.abc import Mapping

GOALS: Mapping[tuple[str, str], float] = {
    ("uvicorn", "get_challenge"): 1000,
    ("uvicorn", "full login"): 4000,
    ("uvicorn", "GET /token"): 800,
    ("uvicorn", "whoami, to the bare answer"): 1.4,
    ("uvicorn", "whoami, nothing remembered, to the bare answer"): 2.5,
    ("uvicorn", "capabilities (plain route)"): 800,
    ("uvicorn", "Matrix login, to one Argon2 hash"): 1.3,
    ("uvicorn", "wrong password, known to unknown"): 1.3,
    ("daphne", "wrong password, known to unknown"): 1.3,
    **{
        (server, f"echo, {client}, to bare python-socketio"): 1.3
        for server in ("uvicorn", "daphne")
        for client in ("2.x", "4.x")
    },
    ("uvicorn", "echo p95 beside slow calls, to idle"): 2,
    ("daphne", "echo p95 beside slow calls, to idle"): 2,
    ("uvicorn", "code request refused, known to unknown"): 1.3,
    ("uvicorn", "Laverna session token"): 800,
    ("uvicorn", "Laverna login, Ed25519"): 2500,
    ("uvicorn", "Laverna login, RSA 2048"): 2500,
    ("uvicorn", "signal relayed, 2.x"): 250,
    ("uvicorn", "signal relayed, 4.x"): 250,
    ("uvicorn", "device authorization"): 1500,
    ("uvicorn", "pending poll"): 800,
    ("uvicorn", "pending poll, to the bare answer"): 3,
    ("uvicorn", "introspection, to the bare answer"): 1.4,
    ("uvicorn", "OAuth refresh"): 2500,
    ("uvicorn", "rendezvous, create"): 1000,
    **{
        ("uvicorn", f"rendezvous, {what}"): most
        for what, most in (
            ("read", 300),
            ("poll", 300),
            ("read (MSC4388)", 300),
            ("write", 800),
            ("write (MSC4388)", 800),
        )
    },
    **{("uvicorn", f"rendezvous, {what}, 100 000 / 100 sessions"): 1.2 for what in ("read of many", "create", "write")},
    ("uvicorn", "memory after start"): 120,
    ("daphne", "memory after start"): 120,
    ("uvicorn", "GET /token, 1 000 000 / 1 000 tokens"): 1.2,
    ("uvicorn", "get_challenge, 100 000 / 10 rules"): 1.5,
}
