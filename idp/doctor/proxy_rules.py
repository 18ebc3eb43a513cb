"""The reverse proxy's rules for this installation, to be pasted (matrix-oauth.md §8)."""

from urllib.parse import urlsplit

from django.conf import settings

OURS = (
    r"^/_matrix/client/([^/]+/(login|logout|refresh)|(v1|unstable/io\.element\.msc4388)/rendezvous)(/.*)?$"  # with QR
)


def nginx() -> str:
    """Server blocks without certificates."""
    ours, theirs = _upstream(), settings.MATRIX_HOMESERVER_URL
    return f"""\
# nginx: {_host(settings.MATRIX_HOMESERVER_PUBLIC_URL)} – clients and other homeservers
location ~ {OURS} {{
    proxy_pass {ours};
    proxy_set_header Host {_host(settings.PUBLIC_URL)};
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
}}
location ^~ /_synapse/mas/ {{ return 404; }}  # for this server alone
location ~ ^(/_matrix|/_synapse/client) {{
    proxy_pass {theirs};
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    client_max_body_size 50M;
}}

# nginx: {_host(settings.PUBLIC_URL)} – people, and Synapse itself
location / {{
    proxy_pass {ours};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
}}
"""


def caddy() -> str:
    """Two sites."""
    ours, theirs = _upstream(), settings.MATRIX_HOMESERVER_URL
    return f"""\
# Caddyfile
{_host(settings.MATRIX_HOMESERVER_PUBLIC_URL)} {{
    @ours path_regexp {OURS}
    handle @ours {{
        reverse_proxy {ours} {{
            header_up Host {_host(settings.PUBLIC_URL)}
        }}
    }}
    handle /_synapse/mas/* {{
        respond 404
    }}
    handle {{
        reverse_proxy {theirs}
    }}
}}
{_host(settings.PUBLIC_URL)} {{
    reverse_proxy {ours}
}}
"""


def _upstream() -> str:
    return f"http://{settings.HOST}:{settings.PORT}"


def _host(url: str) -> str:
    return urlsplit(url).netloc
