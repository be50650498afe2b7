"""Describe why a POST got no response, without a URL or a secret.

The text of a library's error may contain a header, or the URL with a key in it, so it is never repeated (G12). Instead
the type of the error selects a sentence, and its numeric code may select a second one.
"""

import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping

import aiohttp
import httpx

CLOSED = "the receiver closed the connection or does not speak HTTP"
_CONNECTION_FAILED = "the connection failed"
_COULD_NOT_CONNECT = "could not connect"
_DEEPEST = 20  # causes of an error that are examined

EXPECTED = (  # errors that a POST may raise; any other is a bug and is logged with its place
    aiohttp.ClientError,
    aiohttp.EofStream,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    EOFError,
    OSError,
    ValueError,
)
_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (  # the first that fits the error or one of its causes
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (aiohttp.ClientHttpProxyError, "the proxy refused the connection"),
    (aiohttp.ClientProxyConnectionError, "could not connect to the proxy"),
    (aiohttp.ClientConnectorError, _COULD_NOT_CONNECT),
    (aiohttp.ServerDisconnectedError, CLOSED),
    (aiohttp.ClientResponseError, CLOSED),
    (aiohttp.ClientPayloadError, CLOSED),
    (aiohttp.EofStream, CLOSED),
    (EOFError, CLOSED),
    (aiohttp.InvalidURL, "the URL has no valid host"),
    (aiohttp.ClientError, _CONNECTION_FAILED),
    (httpx.ConnectError, _COULD_NOT_CONNECT),
    (httpx.RemoteProtocolError, CLOSED),
    (httpx.UnsupportedProtocol, "the URL is neither http nor https"),
    (httpx.TransportError, _CONNECTION_FAILED),
    (OSError, _CONNECTION_FAILED),
    (ValueError, "the URL has no valid host"),
    (httpx.InvalidURL, "the URL has no valid host"),
)

# X509_V_ERR_*: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_CERTIFICATE = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its chain ends in an authority that is not trusted",
    20: "its authority is not trusted, or an intermediate certificate is missing",
    21: "its authority is not trusted, or an intermediate certificate is missing",
    23: "it was revoked",
    26: "it is not a server certificate",
    62: "it is for another host name",
    64: "it is for another IP address",
}
# SSL_R_*: https://github.com/openssl/openssl/blob/openssl-3.0/include/openssl/sslerr.h
_TLS = {
    "NO_PROTOCOLS_AVAILABLE": "no TLS version in common",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses our client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our client certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refuses our client certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refuses the TLS handshake",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate",
    "TLSV1_ALERT_INTERNAL_ERROR": "it refuses the TLS handshake",
    "TLSV1_ALERT_PROTOCOL_VERSION": "no TLS version in common",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our client certificate",
    "TLSV1_UNRECOGNIZED_NAME": "it does not know this host name",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection",
    "UNSUPPORTED_PROTOCOL": "no TLS version in common",
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
}
_LOOK_UP = {
    socket.EAI_AGAIN: "its name cannot be resolved at the moment",
    socket.EAI_NODATA: "its name has no address",
    socket.EAI_NONAME: "there is no such host name",
}


def describe(error: BaseException) -> str:
    """Return what happened, from a fixed set of sentences that repeat no text of the error."""
    causes = list(_causes(error))
    known = (text for kind, text in _SENTENCES if any(isinstance(cause, kind) for cause in causes))
    sentence = next(known, f"unexpected {type(error).__name__}")
    detail = next((words for cause in reversed(causes) if (words := _detail(cause))), None)
    return f"{sentence} ({detail})" if detail else sentence


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _detail(error: BaseException) -> str | None:
    return next((look(error) for kind, look in _DETAILS.items() if isinstance(error, kind)), None)


def _of_certificate(error: BaseException) -> str | None:
    code = getattr(error, "verify_code", None)
    return _CERTIFICATE.get(code, f"OpenSSL verify error {code}") if isinstance(code, int) else None


def _of_tls(error: BaseException) -> str | None:
    return _TLS.get(getattr(error, "reason", None) or "")


def _of_look_up(error: BaseException) -> str | None:
    return _LOOK_UP.get(getattr(error, "errno", None) or 0)


def _of_system(error: BaseException) -> str | None:
    code = getattr(error, "errno", None)
    return os.strerror(code) if isinstance(code, int) and code in errno.errorcode else None


def _of_proxy(error: BaseException) -> str | None:
    status = getattr(error, "status", None)
    return f"status {status}" if isinstance(status, int) else None


_DETAILS: Mapping[type[BaseException], Callable[[BaseException], str | None]] = {  # the first that fits
    ssl.SSLCertVerificationError: _of_certificate,
    ssl.SSLError: _of_tls,  # with an errno of OpenSSL
    socket.gaierror: _of_look_up,  # with an errno of the resolver
    aiohttp.ClientHttpProxyError: _of_proxy,
    OSError: _of_system,
}
