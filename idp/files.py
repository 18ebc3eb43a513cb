"""A file that appears whole or not at all, readable by its owner alone."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def draft_of(file: Path) -> Iterator[Path]:
    """An empty file of mode 0600 beside `file`, put in its place at the end; gone when that fails. OSError."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
        _sync(draft)
        draft.replace(file)
        _sync(file.parent)
    finally:
        for left in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """To the disk: the name of a file too, which is an entry of its folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
