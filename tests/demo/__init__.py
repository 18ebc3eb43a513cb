"""`make demo`: transcripts against a live server. Secrets shown here die with the server.

five.py    one person, five ways in, one account: what docs/five-doors.md shows
doors.py   one long transcript per door: `make demo DOOR=laverna`
paper.py   how requests, answers and people's doings are written down
alice.py   the person: her account page, her mailbox
qr.py      the fifth door: two devices and what goes between them
"""
