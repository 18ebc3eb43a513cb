"""The signaling room: Laverna's events over Socket.IO and over `/ws/signal/` (laverna.md §5, §6).

    exact_json.py   JSON whose members keep the text they were written in (pure)
    messages.py     what clients send, parsed; what they are sent, encoded (pure)
    frames.py       the frames of the plain websocket (pure)
    members.py      the sockets of this process: who they are, until when they live, what reaches them
    people.py       names to accounts, without a query for each message
    admission.py    who may come in, and who may stay          presence.py      rows of who is connected
    invitations.py  pending invites                            waiting.py       showing them to who comes in
    contacts.py     who may reach whom
    events.py       what each event does, for both doors
    door.py         Socket.IO                                  consumers.py     `/ws/signal/`

Identity comes from the authenticated connection alone. A room is the hash of a typed tuple of ids, never a name.
"""
