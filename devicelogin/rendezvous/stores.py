"""Which store holds a session: Redis where there is one, else the database (R58).

An id says where its session lives. So while Redis is away new sessions are kept in the database, by every process
alike, and nobody has to know when Redis came back.
"""

from django.conf import settings

from accounts.errors import Reason, Refusal
from devicelogin.rendezvous.protocol import store_of
from devicelogin.rendezvous.store import Store
from devicelogin.rendezvous.store_database import DatabaseStore
from devicelogin.rendezvous.store_redis import RedisStore

DATABASE, REDIS = DatabaseStore(), RedisStore()


def in_use() -> tuple[Store, ...]:
    """The stores that new sessions go to, the first one that answers."""
    return (REDIS, DATABASE) if settings.REDIS_URL else (DATABASE,)


def is_in_database(session_id: str) -> bool:
    """Whether the database holds it, if anybody does."""
    return store_of(session_id) == DATABASE.letter


def of(session_id: str) -> Store:
    """The store of a session; NOT_FOUND for one that is not here."""
    for store in in_use():
        if store.letter == store_of(session_id):
            return store
    raise Refusal(Reason.NOT_FOUND)
