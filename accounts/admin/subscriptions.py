"""Who is told of what happens, by mail or webhook (docs/events.md). Every change is a verb's, and audited."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from accounts import clock, deliveries, event_kinds, subscriptions
from accounts.admin import shown
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.admin.subscription_form import BLIND, SubscriptionForm
from accounts.models import Delivery, Subscription

_MAIL = Subscription.Channel.MAIL


@admin.register(Subscription)
class SubscriptionAdmin(HouseAdmin):
    """Subscriptions, each with a button that tries it."""

    can_add = can_change = can_delete = True
    form = SubscriptionForm
    list_display = ("name", "channel", "shown_target", "heard", "state", "told_column", "waiting", "given_up")
    list_filter = ("channel", "enabled")
    list_before_template = "admin/accounts/subscriptions_about.html"
    search_fields = ("name", "target")
    search_help_text = "Name or target"
    ordering = ("name", "pk")
    actions: ClassVar = ()
    actions_detail = ("test", "new_secret", "sent")
    readonly_fields = ("channel_column", "state", "told_column", "author_link", "made_column")
    told_column = shown.moment_column("told_at", "Last told")
    made_column = shown.moment_column("created_at", "Made")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """With how much waits and how much was given up."""
        rows: QuerySet[Subscription] = super().get_queryset(request)
        states = Delivery.State
        return rows.select_related("author").annotate(
            waiting_now=Count("deliveries", filter=Q(deliveries__state=states.WAITING)),
            dead_now=Count("deliveries", filter=Q(deliveries__state=states.DEAD)),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        """What is chosen once, and later what is known of it."""
        if obj is None:
            return [(None, {"fields": SubscriptionForm.Meta.fields})]
        chosen = ("name", "channel_column", "target", "least_severity", "kinds", "enabled")
        return [(None, {"fields": (*chosen, "state", "told_column", "author_link", "made_column")})]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it, whether anybody would hear that mail is stuck."""
        heard = subscriptions.wanting("mail-stuck", "critical", among=list(subscriptions.listening()))
        is_blind = bool(heard) and all(row.channel == _MAIL for row in heard)
        return super().changelist_view(request, {**(extra_context or {}), "blind": BLIND if is_blind else ""})

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """A mail is not signed."""
        row = self.get_object(request, object_id)
        buttons = list(super().get_actions_detail(request, object_id))
        return [one for one in buttons if row is None or row.channel != _MAIL or "secret" not in one.path]

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """By the verb; the secret that was made is kept for the answer to this request alone."""
        obj.made_secret = subscriptions.save(obj, actor=administrator(request))  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Subscription, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Shows the secret, once."""
        if secret := getattr(obj, "made_secret", ""):
            return self._secret_page(request, obj, secret)
        return HttpResponseRedirect(shown.change_url(obj))

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        """By the verb."""
        subscriptions.remove(Subscription.objects.filter(pk=obj.pk), actor=administrator(request))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Its messages go with it."""
        return [f"{row}, with its messages" for row in objs], {str(self.opts.verbose_name): len(objs)}, set(), []

    @action(description="Send a test", url_path="test", icon="send", permissions=["act"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, because following a link must do nothing; then says what came of it."""
        row = self._row(object_id)
        if row is None:
            return HttpResponseRedirect(self.list_url())
        if not is_confirmed(request):
            text = [f"A message of the kind “test” goes to {row.target} now, whatever the subscription wants to hear."]
            return ask(self, request, Question(f"Send a test: {row}", "Send", shown.change_url(row), text))
        made = deliveries.test(row, actor=administrator(request))
        if made.state == Delivery.State.TOLD:
            told = "It is in the mail queue." if row.channel == _MAIL else "The webhook took it."
            self.message_user(request, told, messages.SUCCESS)
        else:
            self.message_user(request, f"It was not taken: {made.last_error or 'it waits'}", messages.ERROR)
        return HttpResponseRedirect(shown.change_url(row))

    @action(description="New secret", url_path="secret", icon="key", permissions=["act"])
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then shows it once."""
        row = self._row(object_id)
        if row is None or row.channel == _MAIL:
            return HttpResponseRedirect(self.list_url())
        if not is_confirmed(request):
            text = ["From now on messages are signed with the new secret; give it to the receiver at once."]
            question = Question(f"New secret: {row}", "Make a new secret", shown.change_url(row), text, grave=True)
            return ask(self, request, question)
        return self._secret_page(request, row, subscriptions.new_secret(row, actor=administrator(request)))

    @action(description="Messages", url_path="messages", icon="outbox", permissions=["view"])
    def sent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was told, and what waits."""
        row, url = self._row(object_id), reverse("admin:accounts_delivery_changelist")
        return HttpResponseRedirect(f"{url}?subscription__id__exact={row.pk}" if row else self.list_url())

    def _row(self, object_id: str) -> Subscription | None:
        return Subscription.objects.filter(pk=int(object_id) if object_id.isdecimal() else -1).first()

    def _secret_page(self, request: HttpRequest, row: Subscription, secret: str) -> HttpResponse:
        context = self.page(request, "Keep this secret", row=row, secret=secret, on=shown.change_url(row))
        answer = TemplateResponse(request, "admin/accounts/webhook_secret.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @display(description="Told by")
    def channel_column(self, row: Subscription) -> str:
        """How, which stays."""
        return row.get_channel_display()

    @display(description="Target", ordering="target")
    def shown_target(self, row: Subscription) -> str:
        """Where to."""
        return shown.text(row.target, 60)

    @display(description="Hears of")
    def heard(self, row: Subscription) -> str:
        """Which events, in short."""
        least = row.get_least_severity_display()
        if not row.kinds:
            return f"all, from {least} on"
        titles = [event_kinds.ALL[name].title for name in row.kinds if name in event_kinds.ALL]
        more = f" and {len(titles) - 2} more" if len(titles) > 2 else ""
        return f"{', '.join(titles[:2])}{more}, from {least} on"

    @display(description="State", label={"works": "success", "fails": "danger", "off": "default", "not tried": "info"})
    def state(self, row: Subscription) -> str:
        """Whether it is told."""
        if not row.enabled:
            return "off"
        if row.failures:
            return "fails"
        return "works" if row.told_at else "not tried"

    @display(description="Waiting", ordering="waiting_now")
    def waiting(self, row: Any) -> str:
        """How much waits; with until when it is left alone after a failure."""
        if row.resumes_at and row.resumes_at > clock.now():
            pause = shown.moment(row.resumes_at)
            return format_html('{}, tried again <span class="moment">{}</span>', row.waiting_now, pause)
        return str(row.waiting_now)

    @display(description="Given up", ordering="dead_now")
    def given_up(self, row: Any) -> str:
        """How much could not be told, as a link."""
        if not row.dead_now:
            return "0"
        url = reverse("admin:accounts_delivery_changelist")
        query = f"?subscription__id__exact={row.pk}&state__exact=dead"
        return shown.anchor(url + query, row.dead_now, says=f"{row.dead_now} given up")

    @display(description="Author")
    def author_link(self, row: Subscription) -> str:
        """Who made it."""
        return shown.link(row.author)
