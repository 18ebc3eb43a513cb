"""The "try it" page: facts in, the decision of `policy.decide` out, nothing changed."""

from dataclasses import dataclass, replace
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts import names, patterns, policy, subjects, users, words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin
from accounts.errors import Refusal
from accounts.models import AccessRule, Flow, OpenPGPKey, User

EVERY_DOOR = "all"


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision of one door."""

    door: str
    decision: policy.Decision

    @property
    def rule(self) -> str:
        """The rule that decided, as a link."""
        matched = self.decision.rule
        if matched is None:
            return ""
        return shown.link(AccessRule(pk=matched.id), str(matched))


def _text(label: str, example: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"placeholder": example, "autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, required=False, max_length=400, widget=widget)


class TryForm(forms.Form):
    """Any of the facts; what is left empty is unknown."""

    flow = forms.ChoiceField(
        label="Door", choices=[(EVERY_DOOR, "Every door"), *Flow.choices], widget=UnfoldAdminSelectWidget()
    )
    username = _text("Name", "alice")
    pubkey = _text("Session key", "05…")
    fingerprint = _text("OpenPGP fingerprint", "40 or 64 hex digits")
    email = _text("E-mail address", "alice@example.org")
    ip = _text("Address", "192.0.2.7")
    complete = forms.BooleanField(
        label="Complete from the account",
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget(),
        help_text="If a name, key, fingerprint or address belongs to an account, its name and addresses count too.",
    )

    def clean_username(self) -> str:
        """Folded, as names are compared."""
        return names.fold(self.cleaned_data["username"].strip())

    def clean_pubkey(self) -> str:
        """Canonical."""
        return self._canonical("pubkey")

    def clean_fingerprint(self) -> str:
        """Canonical."""
        return self._canonical("fingerprint")

    def clean_email(self) -> str:
        """Canonical."""
        return self._canonical("email")

    def clean_ip(self) -> str:
        """One address, not a network."""
        text = self.cleaned_data["ip"].strip()
        parsed = patterns.address(text)
        if text and parsed is None:
            raise forms.ValidationError("An address looks like 192.0.2.7 or 2001:db8::7.")
        return str(parsed or "")

    def _canonical(self, field: str) -> str:
        text = self.cleaned_data[field].strip()
        try:
            return patterns.canonical(field, text).text if text else ""
        except Refusal:
            raise forms.ValidationError(words.pattern(field)) from None


def page(admin: HouseAdmin, request: HttpRequest) -> TemplateResponse:
    """The form, and below it the answer to what it holds."""
    form = TryForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "back": admin.list_url()}
    if form.is_bound and form.is_valid():
        context |= _answered(form.cleaned_data)
    return TemplateResponse(request, "admin/accounts/try_it.html", admin.page(request, "Try it", **context))


def _answered(facts: dict[str, Any]) -> dict[str, Any]:
    given = policy.Subject(
        username=facts["username"],
        pubkey=facts["pubkey"],
        fingerprint=facts["fingerprint"],
        ip=facts["ip"],
        emails=(facts["email"],) if facts["email"] else (),
    )
    user = _account(given) if facts["complete"] else None
    subject = _completed(given, user) if user else given
    doors = Flow.values if facts["flow"] == EVERY_DOOR else [facts["flow"]]
    return {
        "answers": [Answer(Flow(door).label, policy.decide(door, subject)) for door in doors],
        "account": user,
        "account_link": shown.link(user) if user else "",
        "subject": subject,
        "is_new": facts["complete"] and user is None and given != policy.Subject(ip=given.ip),
    }


def _account(given: policy.Subject) -> User | None:
    """Whose the facts are: the key's, the fingerprint's, the name's or the address's account."""
    by_key = users.of_x25519_key(given.pubkey) if given.pubkey else None
    if by_key:
        return by_key
    openpgp = OpenPGPKey.objects.select_related("user").filter(fingerprint=given.fingerprint or None).first()
    if openpgp:
        return openpgp.user
    if given.username and (named := users.find(given.username)):
        return named
    address = EmailAddress.objects.select_related("user").filter(email__in=given.emails, verified=True).first()
    return address.user if address else None


def _completed(given: policy.Subject, user: User) -> policy.Subject:
    """What was typed, with the account's name and confirmed addresses."""
    own = subjects.of_account(user, ip=given.ip, pubkey=given.pubkey, fingerprint=given.fingerprint)
    confirmed = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    emails = tuple(dict.fromkeys([*given.emails, *own.emails, *confirmed]))
    return replace(own, username=given.username or own.username, emails=emails)
