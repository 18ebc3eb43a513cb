"""What the figures should be: (server, what) → the most allowed. None of the house's tests depends on a goal."""

from collections.abc import Mapping

GOALS: Mapping[tuple[str, str], float] = {
    ("uvicorn", "get_challenge"): 1000,
    ("uvicorn", "full login"): 4000,
    ("uvicorn", "GET /token"): 800,
    ("uvicorn", "memory after start"): 120,
    ("daphne", "memory after start"): 120,
    ("uvicorn", "GET /token, 1 000 000 / 1 000 tokens"): 1.2,
    ("uvicorn", "get_challenge, 100 000 / 10 rules"): 1.5,
}
