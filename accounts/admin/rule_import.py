"""Rules from a CSV file: first what it would do, or what is wrong with it line by line; then all of it or nothing."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from accounts import rule_files, words
from accounts.admin import reauthentication, rule_preview, shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.errors import Refusal
from accounts.models import AccessRule

_MOST_ERRORS = 50


class ImportForm(forms.Form):
    """A file, or its text."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv,text/plain"}),
    )
    text = forms.CharField(
        label="Or its text", required=False, strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 10})
    )

    def clean(self) -> dict[str, Any]:
        """The text of either."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("file"):
            try:
                cleaned["text"] = cleaned["file"].read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise forms.ValidationError("The file is not text in UTF-8.") from None
        if not cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a file, or put its text into the field.")
        return cleaned


def page(admin: HouseAdmin, request: HttpRequest) -> HttpResponse:
    """The form, then the preview, then the deed."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return _form_page(admin, request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _form_page(admin, request, form)
    try:
        lines = rule_files.read(form.cleaned_data["text"])
    except rule_files.BadFile as bad:
        return _form_page(admin, request, form, bad.errors)
    password = reauthentication.OwnPassword(request.POST if is_confirmed(request) else None)
    if password.is_bound and password.is_valid():
        try:
            reauthentication.require(request, password.cleaned_data["own_password"])
            count = rule_files.apply(lines, author=administrator(request))
        except Refusal as refusal:
            password.add_error("own_password", words.of(refusal))
        else:
            admin.message_user(request, f"{words.count(count, 'rule')} imported.", messages.SUCCESS)
            return HttpResponseRedirect(admin.list_url())
    return ask(admin, request, _question(request, form.cleaned_data["text"], lines, password))


def _form_page(
    admin: HouseAdmin, request: HttpRequest, form: ImportForm, errors: list[tuple[int, str]] | None = None
) -> TemplateResponse:
    found = errors or []
    rows = [(str(number), shown.text(told, 200)) for number, told in found[:_MOST_ERRORS]]
    context = admin.page(
        request,
        "Import rules",
        form=form,
        columns=",".join(rule_files.COLUMNS),
        error_count=words.count(len(found), "line") if found else "",
        errors=shown.table(("Line", "What is wrong"), rows),
        more=len(found) - len(rows),
        back=admin.list_url(),
    )
    return TemplateResponse(request, "admin/accounts/import.html", context)


def _question(
    request: HttpRequest, text: str, lines: list[rule_files.Line], password: reauthentication.OwnPassword
) -> Question:
    denies = [line for line in lines if line.effect == AccessRule.Effect.DENY]
    live = [_rule(line) for line in denies if line.enabled]
    shown_lines = [f"{line.effect} {line.field} {line.pattern} ({line.flow})" for line in lines[:MOST_SHOWN]]
    return Question(
        f"Import {words.count(len(lines), 'rule')}",
        "Import",
        request.path,
        [
            f"{len(denies):,} deny, {len(lines) - len(denies):,} allow. Existing rules get this expiry and note.",
            rule_preview.ended_by(live),
        ],
        items=[shown.text(line) for line in shown_lines],
        total=len(lines),
        hidden=[("text", text)],
        form=password,
        grave=bool(live),
    )


def _rule(line: rule_files.Line) -> AccessRule:
    return AccessRule(effect=line.effect, field=line.field, pattern=line.pattern, flow=line.flow)
