"""E-mail addresses of an account: add, confirm, remove, from its page. Each asks first; each is the verb's."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action

from accounts import emails
from accounts.admin import shown
from accounts.admin.account_actions import AccountActions
from accounts.admin.account_forms import AddAddress
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import administrator
from accounts.admin.reauthentication import OwnPassword
from accounts.models import User

_OPENS = "Whoever reads its mail can then sign in to the account by e-mail code and set its password anew."


class AddressActions(AccountActions):
    """Mixed into the list of accounts. Confirming and removing are reached from the table of addresses."""

    *_buttons, _more = AccountActions.actions_detail
    actions_detail = (
        *_buttons,
        {**_more, "items": ["add_address", "confirm_address", "remove_address", *_more["items"]]},
    )
    always_offered = AccountActions.always_offered | {"add_address"}

    @action(description="Add address", url_path="add-address", icon="alternate_email", permissions=["act"])
    def add_address(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """An address that counts as confirmed."""
        user = self._account(request, object_id)
        form = AddAddress(request.POST if is_confirmed(request) else None, request=request)
        question = Question("Add an e-mail address", "Add", "", [f"The address counts as confirmed. {_OPENS}"])

        def done() -> str:
            emails.add_confirmed(user, form.cleaned_data["email"], actor=administrator(request))
            return f"{form.cleaned_data['email']} belongs to {user} now."

        return self._with_form(request, user, form, question, done)

    @action(description="Confirm the address", url_path="confirm-address", icon="mark_email_read", permissions=["act"])
    def confirm_address(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Vouches for an address that the account gave."""
        user = self._account(request, object_id)
        address = _chosen(request, user)
        if not address:
            return self._gone(request, user)
        form = OwnPassword(request.POST if is_confirmed(request) else None, request=request)
        text = [f"You vouch that {address} is theirs. {_OPENS}"]

        def done() -> str:
            emails.confirm(user, address, actor=administrator(request))
            return f"{address} is confirmed."

        return self._with_form(request, user, form, Question(f"Confirm {address}", "Confirm", "", text), done)

    @action(description="Remove the address", url_path="remove-address", icon="mail_off", permissions=["act"])
    def remove_address(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes an address away."""
        user = self._account(request, object_id)
        address = _chosen(request, user)
        if not address:
            return self._gone(request, user)
        if not is_confirmed(request):
            text = ["It opens the account no longer, and may be given to another one. Sessions stay."]
            return ask(
                self, request, Question(f"Remove {address}: {user}", "Remove", shown.change_url(user), text, grave=True)
            )

        def done() -> HttpResponse:
            emails.remove(user, address, actor=administrator(request))
            self.message_user(request, f"{address} is removed.", messages.SUCCESS)
            return HttpResponseRedirect(shown.change_url(user))

        return self.in_words(request, done)

    def _gone(self, request: HttpRequest, user: User) -> HttpResponse:
        self.message_user(request, "The account has no such address.", messages.WARNING)
        return HttpResponseRedirect(shown.change_url(user))


def _chosen(request: HttpRequest, user: User) -> str:
    """The address of the account whose row `?address=` names, "" for none."""
    number = request.GET.get("address", "")
    rows: Any = EmailAddress.objects.filter(user=user, pk=int(number) if number.isdecimal() else -1)
    return str(rows.values_list("email", flat=True).first() or "")
