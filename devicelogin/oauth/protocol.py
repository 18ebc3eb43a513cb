"""The error form of all OAuth paths: RFC 6749 §5.2 (R2). Pure."""

from accounts.oauth_errors import SHAPES, render
from accounts.wire import Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
}

WIRE = Wire(SHAPES, render, CORS, {"Cache-Control": "no-store"})
