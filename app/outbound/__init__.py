"""What goes out over HTTP: one POST at a time, signed as Standard Webhooks, by the proxies and certificates asked for.

httpx and aiohttp stand behind this package only: a move to another transport stays in it.
"""

from app.outbound.client import Answer, Headers, Outbound, Undelivered, Url
from app.outbound.environment import BadEnvironment
from app.outbound.signing import SECRET_PREFIX, Secret, webhook_headers
from app.outbound.tls import BadTlsFile, TlsFiles

__all__ = [
    "SECRET_PREFIX",
    "Answer",
    "BadEnvironment",
    "BadTlsFile",
    "Headers",
    "Outbound",
    "Secret",
    "TlsFiles",
    "Undelivered",
    "Url",
    "webhook_headers",
]
