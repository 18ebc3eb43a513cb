"""`python -m bench`: what a request costs the server, measured from outside.

bare.py        an ASGI application that does nothing, served by the same server: what everything is compared with
subjects.py    the servers that are measured
scenarios.py   what is asked of them
generator.py   asks, in a process of its own; `wire.py` are its connections, `people.py` its key pairs
measure.py     CPU time of the server's processes over a number of requests; medians over rounds
laverna.py     session tokens and logins of the Laverna door
signaling.py   relayed signals, idle devices
oauth.py       devices, introspection, refresh; `oauth_scenarios.py` is what is asked
sockets.py     echoes over Socket.IO, idle connections, slow calls
growth.py      the same request with few and with very many rows
goals.py       what the figures should be
report.py      the table and the JSON file
"""
