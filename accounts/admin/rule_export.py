"""The rules as a CSV file that `rules import` and the import page read."""

from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts import audit, rule_files
from accounts.admin.base import administrator
from accounts.admin.filtered import FilteredExport


class RuleExport(FilteredExport):
    """Mixed into the list of rules."""

    @action(description="Download CSV", url_path="export", icon="download")
    def export(self, request: HttpRequest) -> HttpResponse:
        """What the filters leave, all pages of it, oldest first."""
        chosen = self.filtered(request).order_by("pk")
        text = rule_files.write(chosen)
        audit.record_or_fail("rules-exported", actor=administrator(request), facts={"rules": chosen.count()})
        return HttpResponse(
            text,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="rules.csv"', "Cache-Control": "no-store"},
        )
