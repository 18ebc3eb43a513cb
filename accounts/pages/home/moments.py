"""Moments in words: what happened lately by how long ago it was, the rest by its day."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts import clock

_JUST_NOW, _LATELY = 120, 86_400  # seconds


def in_words(moment: datetime | None) -> str:
    """ "just now", "3 hours ago", a day; "" for never."""
    if moment is None:
        return ""
    age = (clock.now() - moment).total_seconds()
    if age < _JUST_NOW:
        return _("just now")
    if age < _LATELY:
        return _("%(time)s ago") % {"time": timesince(moment, clock.now(), depth=1)}
    return day(moment)


def day(moment: datetime | None) -> str:
    """The day, as the reader's language writes it."""
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else ""


def exactly(moment: datetime) -> str:
    """Day and minute; the site's clock is UTC, and says so."""
    return _("%(moment)s UTC") % {"moment": date_format(timezone.localtime(moment), "DATETIME_FORMAT")}
