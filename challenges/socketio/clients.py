"""The table of clients: `socketio`'s, without the look for rooms (docs of the package say why)."""

from typing import Any

import socketio


class Clients(socketio.AsyncManager):  # type: ignore[misc]  # socketio has no types
    """Each client is in the room of all and in its own, and in no other."""

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Forgets a client. The library looks for it in every room, and there are as many as clients: when all leave at
        once, that is the square of their number."""
        for room in (sid, None):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for waiting in (self.pending_connect, self.pending_disconnect):
            if sid in waiting.get(namespace, ()):
                waiting[namespace].remove(sid)
                if not waiting[namespace]:
                    del waiting[namespace]
