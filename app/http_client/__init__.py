"""Outgoing HTTP: one request at a time, and the signatures of Standard Webhooks.

Only this package uses httpx and aiohttp, so that the transport can be changed here alone.
"""

from app.http_client.client import HttpClient
from app.http_client.receiver import ReceiverOptions
from app.http_client.signing import SECRET_PREFIX, Secret, webhook_headers
from app.http_client.tls import BadTlsFile, TlsFiles
from app.http_client.values import USER_AGENT, BadEnvironment, ReceivedResponse, RequestFailed

__all__ = [
    "SECRET_PREFIX",
    "USER_AGENT",
    "BadEnvironment",
    "BadTlsFile",
    "HttpClient",
    "ReceivedResponse",
    "ReceiverOptions",
    "RequestFailed",
    "Secret",
    "TlsFiles",
    "webhook_headers",
]
