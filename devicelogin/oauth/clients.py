"""The verbs on programs: register, find, use, block by host, forget (matrix-oauth.md §2; R26).

Who is blocked is decided by host, because a name costs nothing. Blocking and issuing exclude each other as a deny rule
and a login do (`policy.hold`, `policy.changed`), so nothing is issued past a block.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts import audit, clock, inserts, ledger, minting, policy, programs, throttle, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Flow, Token
from devicelogin.oauth import hosts
from devicelogin.oauth.client_metadata import Metadata
from devicelogin.oauth.models import BlockedHost, Client, ClientHost
from devicelogin.oauth.protocol import CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT

FLOW = Flow.DEVICELOGIN
_USE_NOTED = 3600.0  # seconds between two writes of a program's last use


@dataclass(frozen=True, slots=True)
class Program:
    """A registered client. `check_…` and `get_…` are what Authlib asks of one."""

    client_id: str
    metadata: dict[str, Any]
    host: str
    secret_digest: bytes | None
    created_at: datetime
    last_used_at: datetime

    @property
    def name(self) -> str:
        """What it calls itself; its host when it says nothing."""
        return str(self.metadata.get("client_name") or self.host)

    @property
    def uri(self) -> str:
        """Its home page."""
        return str(self.metadata["client_uri"])

    @property
    def redirect_uris(self) -> list[str]:
        """Where it may have people sent."""
        return list(self.metadata.get("redirect_uris", []))

    @property
    def is_public(self) -> bool:
        """Whether it keeps no secret."""
        return self.secret_digest is None

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it registered this way to say who it is; of a secret's two ways either will do (RFC 6749 §2.3.1)."""
        return (method == "none") is self.is_public

    def check_client_secret(self, secret: str) -> bool:
        """Whether this is its secret."""
        return self.secret_digest is not None and hmac.compare_digest(tokens.digest(secret), self.secret_digest)

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it registered the grant type and the server still has it."""
        return grant_type in self.metadata["grant_types"] and grant_type in grant_types()


def grant_types() -> tuple[str, ...]:
    """The grant types served."""
    return (CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT) if settings.OAUTH_DEVICE_GRANT else (CODE_GRANT, REFRESH_GRANT)


def register(metadata: Metadata, *, ip: str) -> tuple[Program, str]:
    """A registration and its secret, "" for a public program, which finds its earlier registration again.

    RATE_LIMITED, NOT_ADMITTED (its host).
    """
    throttle.hit(throttle.Limit.of("oauth-registration", settings.OAUTH_REGISTRATION_RATE), throttle.address_key(ip))
    secret = "" if metadata.is_public else minting.code(minting.CLIENT_SECRET)
    row = Client(
        client_id=secrets.token_hex(16),
        digest=metadata.digest if metadata.is_public else None,
        secret_digest=tokens.digest(secret) if secret else None,
        host=metadata.host,
        metadata=dict(metadata.fields),
    )
    with transaction.atomic():
        policy.hold()
        _admit({metadata.host}, "client_uri")
        _admit(metadata.redirect_hosts, "redirect_uris")
        if inserts.insert(row):
            named = {metadata.host, *metadata.redirect_hosts}
            ClientHost.objects.bulk_create([ClientHost(client=row, host=host) for host in sorted(named)])
            audit.record("client-registered", flow=FLOW, subject=row.client_id, ip=ip, facts={"host": row.host})
        else:
            Client.objects.filter(digest=metadata.digest).update(last_used_at=clock.now())
            row = Client.objects.get(digest=metadata.digest)
    found = find(row.client_id)
    assert found is not None
    return found, secret


def find(client_id: str) -> Program | None:
    """The program of this id; None for an unknown one and one that is not admitted."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [client_id])
        row = cursor.fetchone()
    if row is None or row[6] is not None or not _is_whitelisted(row[2]):
        return None
    metadata = orjson.loads(row[1]) if isinstance(row[1], str) else row[1]
    digest = bytes(row[3]) if row[3] is not None else None
    return Program(row[0], metadata, row[2], digest, _aware(row[4]), _aware(row[5]))


def require(client_id: str) -> Program:
    """`find`, refusing with CREDENTIAL_WRONG (`invalid_client`)."""
    found = find(client_id)
    if found is None:
        raise Refusal(Reason.CREDENTIAL_WRONG, detail="unknown client")
    return found


def note_use(program: Program) -> None:
    """Writes the program's last use, at most once an hour."""
    moment = clock.now()
    if program.last_used_at < clock.after(-_USE_NOTED, moment):
        Client.objects.filter(client_id=program.client_id).update(last_used_at=moment)


def block(host: str, *, note: str = "", actor: audit.Actor = None) -> int:
    """Blocks the programs of a host and of those below it; answers how many. Their sessions end. FIELD_INVALID."""
    name = hosts.of(f"https://{host}")
    if not name or name != hosts.of(f"https://{name}") or "/" in host or "@" in host:
        raise Refusal(Reason.FIELD_INVALID, field="domain")
    with transaction.atomic():
        policy.changed()  # first: it holds back what is being issued until this transaction ends
        BlockedHost.objects.update_or_create(
            host=name,
            defaults={"note": note[:500]},
            create_defaults={"note": note[:500], "author": actor if not isinstance(actor, str) else None},
        )
        chosen = list(_below(name).values_list("client_id", flat=True))
        Client.objects.filter(client_id__in=chosen, blocked_at=None).update(blocked_at=clock.now())
        _end_sessions(chosen, reason="client blocked")
        audit.record_or_fail("client-host-blocked", actor=actor, subject=name, facts={"clients": len(chosen)})
    return len(chosen)


def unblock(host: str, *, actor: audit.Actor = None) -> int:
    """Lets the programs of a host be used again, unless another block covers them; answers how many. NOT_FOUND."""
    with transaction.atomic():
        policy.changed()
        if not BlockedHost.objects.filter(host=host).delete()[0]:
            raise Refusal(Reason.NOT_FOUND)
        freed = 0
        for client in _below(host).filter(blocked_at__isnull=False).prefetch_related("hosts"):
            if not _blocks({found.host for found in client.hosts.all()}):
                freed += Client.objects.filter(pk=client.pk).update(blocked_at=None)
        audit.record_or_fail("client-host-unblocked", actor=actor, subject=host, facts={"clients": freed})
    return freed


def forget(client_id: str, *, actor: audit.Actor = None) -> None:
    """Deletes a registration; its sessions end. NOT_FOUND. The program may register anew."""
    with transaction.atomic():
        policy.changed()
        row = Client.objects.filter(client_id=client_id).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND)
        _end_sessions([client_id], reason="client forgotten")
        row.delete()
        audit.record_or_fail("client-forgotten", actor=actor, subject=client_id, facts={"host": row.host})


def shown(client_ids: Collection[str]) -> dict[str, programs.Program]:
    """Programs as the account page names them, blocked ones too."""
    rows = Client.objects.filter(client_id__in=client_ids)
    return {row.client_id: programs.Program(row.name or row.host, row.host) for row in rows}


def listed() -> QuerySet[Client]:
    """All registrations, the latest first."""
    return Client.objects.order_by("-pk")


def live_sessions(client_ids: list[str]) -> dict[str, int]:
    """How many sessions live of each of these programs."""
    living = tokens.live().filter(client__in=client_ids).order_by()
    counted = living.values("client").annotate(count=Count("family", distinct=True))
    return {row["client"]: row["count"] for row in counted}


def purge(batch: int) -> int:
    """Deletes one batch of registrations unused for `OAUTH_CLIENT_RETENTION` seconds; never one with a live session,
    nor one that is blocked: it would come back."""
    unused = Client.objects.filter(last_used_at__lt=clock.after(-settings.OAUTH_CLIENT_RETENTION), blocked_at=None)
    living = tokens.live().filter(client=OuterRef("client_id"))
    ids = list(unused.filter(~Exists(living)).values_list("pk", flat=True)[:batch])
    Client.objects.filter(pk__in=ids).delete()
    return len(ids)


def _end_sessions(client_ids: list[str], *, reason: str) -> None:
    ledger.expire(Challenge.objects.filter(flow=FLOW, purpose__in=ledger.GRANTS, binding__in=client_ids))
    tokens.revoke(Token.objects.filter(client__in=client_ids), reason=reason)


def _below(host: str) -> QuerySet[Client]:
    named = ClientHost.objects.filter(Q(host=host) | Q(host__endswith=f".{host}"))
    return Client.objects.filter(pk__in=named.values("client"))


def _admit(named: Any, field: str) -> None:
    if not all(map(_is_whitelisted, named)) or _blocks(set(named)):
        raise Refusal(Reason.NOT_ADMITTED, field=field)


def _blocks(named: set[str]) -> bool:
    """Whether a block covers one of these hosts."""
    above = {".".join(labels[start:]) for labels in (host.split(".") for host in named) for start in range(len(labels))}
    return BlockedHost.objects.filter(host__in=above).exists()


def _is_whitelisted(host: str) -> bool:
    allowed = settings.OAUTH_CLIENT_HOSTS
    return not allowed or any(hosts.is_below(host, above) for above in allowed)


@cache
def _statement() -> str:
    return (
        "SELECT client_id, metadata, host, secret_digest, created_at, last_used_at, blocked_at "
        f"FROM {Client._meta.db_table} WHERE client_id = %s"
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
