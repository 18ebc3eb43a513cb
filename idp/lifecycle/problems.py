"""What stops an operator's undertaking: one line that says why, and what to do."""


class Stopped(Exception):
    """The text is complete, of one line, and holds no secret."""
