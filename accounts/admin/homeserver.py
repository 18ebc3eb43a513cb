"""What a homeserver must still hear, and which accounts it knows (docs/synapse.md). Empty without one."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts import audit, homeserver, words
from accounts.admin import shown
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.admin.queues import FailedFilter, QueueAdmin
from accounts.homeserver import queue
from accounts.models import HomeserverAccount, HomeserverTask


@admin.register(HomeserverTask)
class HomeserverTaskAdmin(QueueAdmin):
    """Read-only; what the homeserver has heard is gone from here."""

    list_display = ("account", "what", "device", "since_column", "tries", "error", "next_column")
    list_filter = (FailedFilter, "kind")
    list_select_related = ("user",)
    search_fields = ("user__username", "device_id")
    search_help_text = "Account or device"
    fields = ("account", "what", "whole_device", "since_column", "tries", "error", "next_column")
    noun = "task"
    gone = "The homeserver has heard of it already."
    drop_warning = (
        "The homeserver will not hear of it now. The comparison of devices, once a day, may bring the same about."
    )

    def hasten(self, chosen: QuerySet[HomeserverTask]) -> int:
        """By the verb."""
        return queue.hasten(chosen)

    def drop(self, chosen: QuerySet[HomeserverTask], *, actor: audit.Actor) -> int:
        """By the verb."""
        return queue.drop(chosen, actor=actor)

    def told(self, row: HomeserverTask) -> str:
        """What it is, and whose."""
        return f"{row} of {row.user}"

    @display(description="Account", ordering="user__username")
    def account(self, task: HomeserverTask) -> str:
        """Whose."""
        return shown.account(task.user)

    @display(description="What", ordering="kind")
    def what(self, task: HomeserverTask) -> str:
        """What the homeserver must look at."""
        return task.get_kind_display().capitalize()

    @display(description="Device", ordering="device_id")
    def device(self, task: HomeserverTask) -> str:
        """Of which device."""
        return shown.code(task.device_id)

    @display(description="Device")
    def whole_device(self, task: HomeserverTask) -> str:
        """Of which device, whole."""
        return shown.whole_code(task.device_id)


@admin.register(HomeserverAccount)
class HomeserverAccountAdmin(HouseAdmin):
    """Which user of the homeserver is which account."""

    list_display = ("account", "localpart_column", "state", "since_column", "next_column")
    list_filter = ("problem",)
    list_select_related = ("user",)
    search_fields = ("user__username", "localpart")
    search_help_text = "Name"
    ordering = ("-problem", "localpart")
    fields = ("account", "localpart_column", "state", "since_column", "next_column")
    actions: ClassVar = ("compare_chosen",)
    actions_detail = ("connect", "reactivate")
    since_column = shown.moment_column("connected_at", "Connected since")
    next_column = shown.moment_column("sync_due_at", "Devices compared next")

    @action(description="Compare devices of the chosen accounts now", permissions=["act"])
    def compare_chosen(self, request: HttpRequest, queryset: QuerySet[HomeserverAccount]) -> None:
        """Does not ask: it makes true what is true here."""
        chosen = list(queryset.exclude(connected_at=None).values_list("user_id", flat=True))
        for user_id in chosen:
            homeserver.devices_wanted(user_id)
        self.message_user(request, f"{words.count(len(chosen), 'account')} will be compared now.", messages.SUCCESS)

    @action(description="It is the same person", url_path="connect", icon="link", permissions=["act"])
    def connect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then connects the two."""
        account = self._of_problem(object_id, HomeserverAccount.Problem.NAME_TAKEN)
        if account is None:
            return self._not_so(request)
        if is_confirmed(request):
            homeserver.connect_existing(account, actor=administrator(request))
            self.message_user(request, f"{account} is connected.", messages.SUCCESS)
            return HttpResponseRedirect(self.list_url())
        text = [
            "The homeserver had a user of this name before it was connected to this server, and the account was not "
            "imported from it.",
            "Whoever has the account here gets that user's rooms and messages.",
        ]
        back = shown.change_url(account)
        return ask(self, request, Question(f"Connect {account}", "Same person", back, text, grave=True))

    @action(description="Reactivate at the homeserver", url_path="reactivate", icon="undo", permissions=["act"])
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then does it at once."""
        account = self._of_problem(object_id, HomeserverAccount.Problem.DEACTIVATED)
        if account is None:
            return self._not_so(request)
        if is_confirmed(request):
            return self.in_words(request, self._reactivated, request, account)
        text = ["The user can sign in again and has the rooms that are left; what was erased stays erased."]
        question = Question(f"Reactivate {account}", "Reactivate", shown.change_url(account), text, grave=True)
        return ask(self, request, question)

    def _reactivated(self, request: HttpRequest, account: HomeserverAccount) -> HttpResponse:
        homeserver.reactivate(account, actor=administrator(request))
        self.message_user(request, f"{account} is active again.", messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    def _of_problem(self, object_id: str, problem: str) -> HomeserverAccount | None:
        found = HomeserverAccount.objects.select_related("user").filter(problem=problem)
        return found.filter(pk=int(object_id) if object_id.isdecimal() else -1).first()

    def _not_so(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, "That is not what is wrong with this account.", messages.WARNING)
        return HttpResponseRedirect(self.list_url())

    @display(description="Account", ordering="user__username")
    def account(self, account: HomeserverAccount) -> str:
        """Which."""
        return shown.account(account.user)

    @display(description="Name there", ordering="localpart")
    def localpart_column(self, account: HomeserverAccount) -> str:
        """Under which name the homeserver knows it."""
        return shown.name(account.localpart)

    @display(description="State", ordering="problem")
    def state(self, account: HomeserverAccount) -> str:
        """Whether the two are connected, and if not, why."""
        if account.problem:
            return f"Not connected: {account.get_problem_display()}"
        return "Connected" if account.connected_at else "Not told yet"
