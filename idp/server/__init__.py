"""The server start-up: daphne or uvicorn, with the bounds of R41-R44 and R59 built in.

They hold without a reverse proxy.

    limits.py          every bound with its default, and the types of the two hooks
    request_clock.py   which part of a request a connection is in, and until when it may stay there
    responses.py       the bytes of a refusal made before there is a request
    http_channel.py    one TCP connection that speaks HTTP: size bounds and deadlines (Twisted)
    http_request.py    one request: what daphne's own request gets wrong or says too much about (Twisted)
    outbox.py          bytes a slow websocket reader has not taken yet
    websocket.py       one websocket: standard close codes, the outbox, refusals in the owner's form (Twisted)
    daphne.py          the server that holds the four together
    drain.py           the way down: SIGTERM, SIGINT
    uvicorn_http.py    the same deadlines for uvicorn
    uvicorn_websocket.py   the same bounds on what a websocket's reader has not taken
    uvicorn.py         the same application under uvicorn, and its way down
    workers.py         several such processes on one socket, and the one that looks after them
    listen.py          the listening socket of both, made and given up
    state.py           is this process going down?

Nothing here reads a Django setting: `manage.py serve` does, and passes values and hooks to the constructors.
Importing `idp.server.daphne` installs Twisted's asyncio reactor in the process, so only `serve` does, late.
"""
