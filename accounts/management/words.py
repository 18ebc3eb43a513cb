"""Refusals for the terminal: the same words as in the browser, as the tail of a line."""

from accounts import words
from accounts.errors import Refusal


def in_words(refusal: Refusal) -> str:
    """What was refused, without a capital and a full stop."""
    sentence = words.of(refusal).rstrip(".")
    return sentence[0].lower() + sentence[1:]
