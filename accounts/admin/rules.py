"""Access rules: blacklist and whitelist in one list. Every change is a verb of `rules`, which audits it (R48–R50)."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import action, display

from accounts import clock, rule_reach, rules, words
from accounts.admin import rule_import, rule_preview, shown, try_it
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import administrator
from accounts.admin.rule_export import RuleExport
from accounts.admin.rule_form import DECIDING, RuleForm
from accounts.models import AccessRule


class InForceFilter(admin.SimpleListFilter):
    """Whether a rule counts now."""

    title = "in force"
    parameter_name = "life"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Live or not, and why not."""
        return [("live", "In force"), ("expired", "Expired"), ("disabled", "Switched off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AccessRule]) -> QuerySet[AccessRule]:
        """The rules in that state."""
        moment = clock.now()
        match self.value():
            case "live":
                return queryset.filter(Q(expires_at=None) | Q(expires_at__gt=moment), enabled=True)
            case "expired":
                return queryset.filter(expires_at__lte=moment)
            case "disabled":
                return queryset.filter(enabled=False)
        return queryset


@admin.register(AccessRule)
class AccessRuleAdmin(RuleExport):
    """Who is refused, and who is admitted where whitelist mode is on."""

    can_add = can_change = can_delete = True
    form = RuleForm
    list_display = (
        "shown_pattern",
        "shown_effect",
        "shown_field",
        "flow",
        "state",
        "until",
        "shown_note",
        "author_link",
    )
    list_filter = ("effect", "field", "flow", "enabled", InForceFilter)
    list_select_related = ("author",)
    search_fields = ("pattern", "note", "author__username")
    search_help_text = "Pattern, note or author"
    ordering = ("-pk",)
    actions: ClassVar = ("enable_chosen", "disable_chosen", "delete_chosen")
    actions_list = ("try_it", "import_list", "export")
    readonly_fields = ("author_link", "made_column")
    until = shown.moment_column("expires_at", "Until")
    made_column = shown.moment_column("created_at", "Made")

    def get_fieldsets(self, request: HttpRequest, obj: AccessRule | None = None) -> Any:
        """Who made it and when is known once it exists."""
        facts = ("author_link", "made_column") if obj else ()
        return [(None, {"fields": ("effect", "field", "pattern", "flow", "enabled", "expires_at", "note", *facts)})]

    def get_form(self, request: HttpRequest, obj: AccessRule | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form; with what was typed when the preview sent it back."""
        form = super().get_form(request, obj, change, **kwargs)
        if request.method == "GET" and "pattern" in request.GET:
            draft = {name: request.GET[name] for name in form.base_fields if name in request.GET}
            return type(form)("RuleForm", (form,), {"draft": draft})
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form; between it and saving stands who is affected."""
        if request.method == "POST" and not is_confirmed(request):
            question = self._question(request, object_id)
            if question is not None:
                return ask(self, request, question)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _question(self, request: HttpRequest, object_id: str | None) -> Question | None:
        rule = self.get_object(request, object_id) if object_id else None
        allowed = self.has_change_permission(request, rule) if rule else self.has_add_permission(request)
        if not allowed or (object_id and rule is None):
            return None
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        if not form.is_valid() or not set(DECIDING) & set(form.changed_data):
            return None
        return rule_preview.question(form.instance, request.POST, request.path, author=administrator(request))

    def save_model(self, request: HttpRequest, obj: AccessRule, form: Any, change: bool) -> None:
        """By the verb: canonical, audited, in force at once."""
        rules.change(obj, author=administrator(request))

    def delete_model(self, request: HttpRequest, obj: AccessRule) -> None:
        """By the verb."""
        rules.remove(AccessRule.objects.filter(pk=obj.pk), author=administrator(request))

    @action(description="Try it", url_path="try", icon="science")
    def try_it(self, request: HttpRequest) -> HttpResponse:
        """What would be decided."""
        return try_it.page(self, request)

    @action(description="Import CSV", url_path="import", icon="upload", permissions=["add"])
    def import_list(self, request: HttpRequest) -> HttpResponse:
        """Rules from a file."""
        return rule_import.page(self, request)

    @action(description="Switch the chosen rules on", permissions=["change"])
    def enable_chosen(self, request: HttpRequest, queryset: QuerySet[AccessRule]) -> HttpResponse | None:
        """Asks, because a deny ends tokens; then switches them on."""
        chosen = queryset.exclude(enabled=True)
        if not is_confirmed(request) and chosen.filter(effect=AccessRule.Effect.DENY).exists():
            text = [rule_preview.ended_by(chosen)]
            return self._ask_for_many(request, chosen, "Switch on", text)
        count = rules.enable(chosen, enabled=True, author=administrator(request))
        self.message_user(request, f"{words.count(count, 'rule')} switched on.", messages.SUCCESS)
        return None

    @action(description="Switch the chosen rules off", permissions=["change"])
    def disable_chosen(self, request: HttpRequest, queryset: QuerySet[AccessRule]) -> None:
        """Switches them off; what they ended stays ended."""
        count = rules.enable(queryset, enabled=False, author=administrator(request))
        self.message_user(request, f"{words.count(count, 'rule')} switched off.", messages.SUCCESS)

    @action(description="Delete the chosen rules", permissions=["delete"])
    def delete_chosen(self, request: HttpRequest, queryset: QuerySet[AccessRule]) -> HttpResponse | None:
        """Asks, then deletes them."""
        if not is_confirmed(request):
            return self._ask_for_many(request, queryset, "Delete", ["What they ended stays ended."])
        count = rules.remove(queryset, author=administrator(request))
        self.message_user(request, f"{words.count(count, 'rule')} deleted.", messages.SUCCESS)
        return None

    def _ask_for_many(
        self, request: HttpRequest, chosen: QuerySet[AccessRule], verb: str, text: list[str]
    ) -> HttpResponse:
        total = chosen.count()
        question = Question(
            f"{verb}: {words.count(total, 'rule')}",
            verb,
            request.get_full_path(),
            text,
            items=[shown.text(str(rule)) for rule in chosen[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
            grave=True,
        )
        return ask(self, request, question)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Nothing else goes with a rule."""
        return [str(rule) for rule in objs], {str(self.opts.verbose_name): len(objs)}, set(), []

    @display(description="Pattern", ordering="pattern")
    def shown_pattern(self, rule: AccessRule) -> str:
        """Keys by their ends."""
        is_code = rule.field in {AccessRule.Field.PUBKEY, AccessRule.Field.FINGERPRINT}
        return (
            shown.code(rule.pattern)
            if is_code
            else format_html('<span class="pattern">{}</span>', shown.text(rule.pattern))
        )

    @display(description="Of", ordering="field")
    def shown_field(self, rule: AccessRule) -> str:
        """What the pattern is compared with, without the advice of the form."""
        return shown.field(rule)

    @display(description="Effect", ordering="effect", label={"deny": "danger", "allow": "success"})
    def shown_effect(self, rule: AccessRule) -> str:
        """Deny or allow."""
        return rule.effect

    @display(description="State", label={"in force": "success", "expired": "warning", "switched off": "default"})
    def state(self, rule: AccessRule) -> str:
        """Whether it counts now."""
        if not rule.enabled:
            return "switched off"
        return "in force" if rule_reach.is_live(rule) else "expired"

    @display(description="Note", ordering="note")
    def shown_note(self, rule: AccessRule) -> str:
        """Why it is there."""
        return shown.text(rule.note)

    @display(description="Author", ordering="author__username")
    def author_link(self, rule: AccessRule) -> str:
        """Who made it; commands have no account, and the server itself has only a name."""
        return shown.link(rule.author) if rule.author else rule.author_name or shown.NOTHING
