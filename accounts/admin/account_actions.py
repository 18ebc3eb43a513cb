"""The actions on accounts, on their page and in the list. Each asks first; each is the verb's, which audits it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from accounts import audit, names, users, words
from accounts.admin import shown
from accounts.admin.account_forms import Rename, SetPassword
from accounts.admin.account_verbs import VERBS, Verb, own_account
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.errors import Refusal
from accounts.models import User

_ICONS = {
    "lock": "lock",
    "unlock": "lock_open",
    "suspend": "pause_circle",
    "unsuspend": "play_circle",
    "end_sessions": "logout",
    "remove_second_factors": "no_encryption",
    "deactivate": "person_off",
}


def on_page(name: str) -> Callable[..., HttpResponse]:
    """The action of a verb on the page of an account."""

    def act(admin: "AccountActions", request: HttpRequest, object_id: str) -> HttpResponse:
        return admin.act_on_one(request, object_id, VERBS[name])

    act.__name__ = f"{name}_account"
    url_path = name.replace("_", "-")
    result: Callable[..., HttpResponse] = action(
        description=VERBS[name].label, url_path=url_path, icon=_ICONS[name], permissions=["act"]
    )(act)
    return result


def in_list(name: str) -> Callable[..., HttpResponse | None]:
    """The action of a verb on the chosen accounts of the list."""

    def act(admin: "AccountActions", request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        return admin.act_on_many(request, queryset, VERBS[name])

    act.__name__ = f"{name}_accounts"
    result: Callable[..., HttpResponse | None] = action(
        description=f"{VERBS[name].label} the chosen accounts", permissions=["act"]
    )(act)
    return result


class AccountActions(HouseAdmin):
    """Mixed into the list of accounts."""

    actions = tuple(in_list(name) for name in VERBS)
    actions_detail: tuple[Any, ...] = (
        "set_password",
        "end_sessions_account",
        {
            "title": "More",
            "icon": "more_vert",
            "items": [
                "rename",
                "suspend_account",
                "unsuspend_account",
                "lock_account",
                "unlock_account",
                "remove_second_factors_account",
                "deactivate_account",
            ],
        },
    )
    always_offered: ClassVar = frozenset({"set_password"})
    lock_account, unlock_account = on_page("lock"), on_page("unlock")
    suspend_account, unsuspend_account = on_page("suspend"), on_page("unsuspend")
    remove_second_factors_account = on_page("remove_second_factors")
    end_sessions_account, deactivate_account = on_page("end_sessions"), on_page("deactivate")

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Only what makes sense for this account."""
        user = self.get_object(request, object_id)
        if user is None or user.deactivated_at:
            return []
        fitting = {f"{name}_account" for name, verb in VERBS.items() if verb.applies(user)} | self.always_offered
        if names.is_key_name(user.username) and not user.renamed_at:
            fitting.add("rename")
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        offered = super().get_actions_detail(request, object_id)
        return [one for one in offered if one.action_name.removeprefix(prefix) in fitting]

    @action(description="Set password", url_path="set-password", icon="password", permissions=["act"])
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new password; every session of every door ends."""
        user = self._account(request, object_id)
        if user.pk == administrator(request).pk:
            return HttpResponseRedirect(reverse("admin:password_change"))
        posted = request.POST if is_confirmed(request) else None
        form = SetPassword(posted, username=user.folded_username, request=request)
        text = [f"Every session of {user} ends, at every door. Keys stay."]

        def done() -> str:
            facts = form.cleaned_data
            users.set_password(user, facts["password"], must_change=facts["must_change"], actor=administrator(request))
            return f"The password of {user} is set; its sessions have ended."

        return self._with_form(request, user, form, Question("Set password", "Set password", "", text), done)

    @action(description="Rename", icon="badge", permissions=["act"])
    def rename(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The one new name of an account that is named by its key."""
        user = self._account(request, object_id)
        form = Rename(request.POST if is_confirmed(request) else None)
        text = ["An account named by its key can be given a name once. Its key keeps opening it."]

        def done() -> str:
            old = user.username
            users.rename(user, form.cleaned_data["username"], by_administrator=True)
            facts = {"new": form.cleaned_data["username"]}
            audit.record_or_fail("user-renamed", actor=administrator(request), subject=old, facts=facts)
            return f"The account is now called {form.cleaned_data['username']}."

        return self._with_form(request, user, form, Question("Rename the account", "Rename", "", text), done)

    def act_on_one(self, request: HttpRequest, object_id: str, verb: Verb) -> HttpResponse:
        """Asks, then does the verb to one account."""
        user = self._account(request, object_id)
        if verb.spares_self and user.pk == administrator(request).pk:
            self.message_user(request, own_account(verb), messages.ERROR)
            return HttpResponseRedirect(shown.change_url(user))
        if not is_confirmed(request):
            title = f"{verb.label}: {user}"
            text = [verb.consequence]
            return ask(self, request, Question(title, verb.label, shown.change_url(user), text, grave=verb.grave))

        def done() -> HttpResponse:
            verb.do(user, actor=administrator(request))
            self.message_user(request, f"{user} is {verb.done}.", messages.SUCCESS)
            return HttpResponseRedirect(shown.change_url(user))

        return self.in_words(request, done)

    def act_on_many(self, request: HttpRequest, queryset: QuerySet[User], verb: Verb) -> HttpResponse | None:
        """Asks, then does the verb to each chosen account that it makes sense for; never to one's own by accident."""
        own = administrator(request).pk if verb.spares_self else None
        fitting = [user for user in queryset.order_by("username") if verb.applies(user) and user.pk != own]
        if own is not None and queryset.filter(pk=own).exists():
            self.message_user(request, own_account(verb), messages.WARNING)
        if not fitting:
            self.message_user(request, "None of the chosen accounts can be changed in this way.", messages.WARNING)
            return None
        if not is_confirmed(request):
            title = f"{verb.label}: {words.count(len(fitting), 'account')}"
            question = Question(
                title,
                verb.label,
                request.get_full_path(),
                [verb.consequence],
                items=[shown.name(user.username) for user in fitting[:MOST_SHOWN]],
                total=len(fitting),
                hidden=chosen_rows(request),
                grave=verb.grave,
            )
            return ask(self, request, question)
        with transaction.atomic():
            for user in fitting:
                verb.do(user, actor=administrator(request))
        self.message_user(request, f"{words.count(len(fitting), 'account')} {verb.done}.", messages.SUCCESS)
        return None

    def _with_form(
        self, request: HttpRequest, user: User, form: Any, question: Question, done: Callable[[], str]
    ) -> HttpResponse:
        """Asks with a form; does it once the form is right."""
        if form.is_bound and form.is_valid():
            try:
                with transaction.atomic():
                    told = done()
            except Refusal as refusal:
                form.add_error(None, words.of(refusal))
            else:
                self.message_user(request, told, messages.SUCCESS)
                return HttpResponseRedirect(shown.change_url(user))
        asked = Question(f"{question.title}: {user}", question.button, shown.change_url(user), question.text, form=form)
        return ask(self, request, asked)

    def _account(self, request: HttpRequest, object_id: str) -> User:
        user: User | None = self.get_object(request, object_id)
        if user is None:
            raise Http404
        return user
