"""A download of what a list shows with its search and filters."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin.base import HouseAdmin


class FilteredExport(HouseAdmin):
    """Mixed into a list whose `actions_list` has an export."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The buttons above the list carry its search and filters."""
        answer = super().changelist_view(request, extra_context)
        query = request.GET.urlencode()
        if query and (context := getattr(answer, "context_data", None)):
            for button in context.get("actions_list", ()):
                button["path"] = f"{button['path']}?{query}"
        return answer

    def filtered(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that the list would show over all its pages; none for a filter that makes no sense."""
        rows: QuerySet[Any] = self.get_queryset(request)
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            rows = rows.none()
        return rows
