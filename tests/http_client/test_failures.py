"""G12: whatever a library says about a failure, what leaves the client is one of our own sentences."""

import contextlib
import errno
import http.client
import inspect
import os
import re
import socket
import ssl
from collections.abc import Iterator
from types import ModuleType

import aiohttp
import aiohttp.http_exceptions
import httpcore
import httpx
import pytest

from app.http_client.failures import describe

KEY = "s3cr3t"
SECRET = f"https://crm.example.com/hook/{KEY}?key={KEY} Authorization: {KEY}"
TEXTS = ("strerror", "filename", "message", "reason", "host", "verify_message", "library", "status", "verify_code")
NUMBERS = (None, -2, 1, errno.ECONNREFUSED, errno.ETIMEDOUT, 99_999)


def _builtin(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    """This kind and those below it, but for those of modules that happen to be imported."""
    yield kind
    for one in kind.__subclasses__():
        if one.__module__ == "builtins":
            yield from _builtin(one)


def _of(module: ModuleType) -> set[type[BaseException]]:
    return {kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)}


KINDS = sorted(
    {
        *(_of(aiohttp) | _of(aiohttp.http_exceptions) | _of(httpx) | _of(httpcore) | _of(ssl) | _of(socket)),
        *(_of(http.client) | set(_builtin(OSError)) | set(_builtin(ValueError)) | set(_builtin(RuntimeError))),
        *(AssertionError, EOFError, KeyError, TypeError, Exception),
    },
    key=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
)


def _made(kind: type[BaseException], number: int | None) -> BaseException:
    """One of this kind with the secret in its text, its arguments and its attributes."""
    arguments = (number, SECRET) if issubclass(kind, OSError) else (SECRET,)
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    for name in TEXTS:
        with contextlib.suppress(AttributeError, TypeError):
            setattr(error, name, SECRET)
    error.add_note(SECRET)
    return error


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_no_word_of_an_error_is_repeated(kind: type[BaseException]) -> None:
    """Every exception of the libraries and of the system: alone, as a cause, as a context, with any number."""
    for number in NUMBERS:
        inner = _made(kind, number)
        outer, around = httpx.ConnectError(SECRET), aiohttp.ClientError(SECRET)
        outer.__cause__, around.__context__ = inner, inner
        for error in (inner, outer, around):
            assert KEY not in describe(error)
            assert "crm.example.com" not in describe(error)
            assert re.fullmatch(r"[\w ./,']+( \([\w ,./']+\))?", describe(error))


def test_many_kinds_are_covered() -> None:
    """A module that hides its exceptions would leave the test above empty."""
    assert len(KINDS) > 100


def _certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, SECRET)
    error.verify_code, error.verify_message = code, SECRET
    return error


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, SECRET)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aiohttp.ClientOSError(None, f"Can not write request body for {SECRET}"), "the connection failed"),
        (aiohttp.ClientOSError(errno.EPIPE, SECRET), "the connection failed (Broken pipe)"),
        (ConnectionResetError(errno.ECONNRESET, SECRET), "the connection failed (Connection reset by peer)"),
        (_certificate(10), "its certificate is not trusted (it has expired)"),
        (_certificate(62), "its certificate is not trusted (it is for another host name)"),
        (_certificate(78), "its certificate is not trusted (OpenSSL verify error 78)"),
        (_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "the connection failed (it asks for a client certificate)"),
        (_tls(SECRET), "the connection failed"),
        (socket.gaierror(socket.EAI_NONAME, SECRET), "the connection failed (there is no such host name)"),
        (httpx.UnsupportedProtocol(SECRET), "the URL is neither http nor https"),
        (KeyError(SECRET), "unexpected KeyError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_told(error: BaseException, said: str) -> None:
    """The kind of an error selects a sentence, its number what is added in brackets."""
    assert describe(error) == said


def test_causes_that_go_round_end() -> None:
    """A chain of causes that leads back to itself is described, too."""
    one, other = OSError(SECRET), OSError(errno.EPIPE, SECRET)
    one.__context__, other.__context__ = other, one
    assert describe(one) == f"the connection failed ({os.strerror(errno.EPIPE)})"
