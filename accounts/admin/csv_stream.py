"""CSV of a list, row by row, however long it is; a spreadsheet finds no formula in it."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

_CHUNK = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(cell: object) -> str:
    """The text of a cell; one that a spreadsheet would take for a formula is led by an apostrophe."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def answer(
    name: str, headers: Sequence[str], queryset: QuerySet[Any], row: Callable[[Any], Sequence[object]]
) -> StreamingHttpResponse:
    """The download, newest row first."""
    return StreamingHttpResponse(
        _lines(headers, queryset, row),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _lines(headers: Sequence[str], queryset: QuerySet[Any], row: Callable[[Any], Sequence[object]]) -> Iterator[bytes]:
    """Each part asks anew for what comes below the last row: no cursor lives from one thread to the next."""
    yield _text([headers])
    remaining = queryset.order_by("-pk")
    while part := list(remaining[:_CHUNK]):
        yield _text([[neutral(cell) for cell in row(one)] for one in part])
        remaining = queryset.order_by("-pk").filter(pk__lt=part[-1].pk)


def _text(rows: Sequence[Sequence[object]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode("utf-8", "backslashreplace")
