"""TLS for outgoing connections: which authorities are trusted, and which client certificate is shown.

Both come from the environment, or from the files of one receiver. They are read once, when the configuration is loaded.
No message contains anything from a file.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from app.http_client.values import BadEnvironment
from app.notation import Doc, Example

TlsOption = Literal["ca_file", "client_cert", "client_key"]

_CERTIFICATE, _KEY = b"-----BEGIN CERTIFICATE-----", b" PRIVATE KEY-----"
_SHOWN = 200  # characters of a path in a message


class BadTlsFile(Exception):
    """A file that cannot be used. The message says why and what to do; `option` is the option that names the file."""

    def __init__(self, option: TlsOption, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The PEM files of one receiver. Paths are relative to the configuration's folder."""

    ca_file: Annotated[
        str | None,
        Example("ours.pem"),
        Doc("A PEM file with the certificates to trust instead of the public ones. For https only."),
    ] = None
    client_cert: Annotated[
        str | None, Example("me.pem"), Doc("A PEM file with the client certificate to present (mutual TLS).")
    ] = None
    client_key: Annotated[
        str | None,
        Example("me.key"),
        Doc("The private key of `client_cert`, without a passphrase. Default: it is in the same file."),
    ] = None

    def ssl_context(self, url: str, folder: Path) -> ssl.SSLContext | None:
        """Return the TLS context of these files; None if there are none, so that `authorities` apply.

        Raises `BadTlsFile`.
        """
        given = [option for option, name in self._given().items() if name is not None]
        if not given:
            return None
        if not url.lower().startswith("https:"):
            raise BadTlsFile(given[0], "for https only, and the URL is http; leave it out")
        if self.client_cert is None and self.client_key is not None:
            raise BadTlsFile("client_key", "a key without its certificate; set client_cert")
        paths = {option: _path(option, name, folder) for option, name in self._given().items() if name is not None}
        context = _trusting(paths.get("ca_file"), given[0])
        if "client_cert" in paths:
            _identify(context, paths["client_cert"], paths.get("client_key"))
        return context

    def _given(self) -> Mapping[TlsOption, str | None]:
        return {"ca_file": self.ca_file, "client_cert": self.client_cert, "client_key": self.client_key}


@cache  # takes 20 ms, and there may be a hundred targets
def authorities() -> ssl.SSLContext:
    """Return a TLS context that trusts the public authorities, as certifi lists them.

    SSL_CERT_FILE or SSL_CERT_DIR replace them, as in OpenSSL's own programs. Raises `BadEnvironment`.
    """
    return _of_environment()


def _of_environment() -> ssl.SSLContext:
    import httpx  # noqa: PLC0415 - only if something is posted

    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        message = f"SSL_CERT_FILE or SSL_CERT_DIR: {_problem(error)}"
        raise BadEnvironment(message) from None


def _path(option: TlsOption, name: str, folder: Path) -> Path:
    if "\n" in name or "-----" in name:
        raise BadTlsFile(option, "the content of a file; write its path")
    path = folder / name
    wanted = _KEY if option == "client_key" else _CERTIFICATE
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise BadTlsFile(option, f"file {name[:_SHOWN]} cannot be read: {_problem(error)}") from None
    if wanted not in content:
        what = "private key" if wanted is _KEY else "certificate"
        raise BadTlsFile(option, f"file {name[:_SHOWN]} contains no {what} in PEM form; it begins with -----BEGIN")
    return path


def _trusting(ca_file: Path | None, option: TlsOption) -> ssl.SSLContext:
    if ca_file is None:
        try:
            return _of_environment()  # not the shared context, because a client certificate will be added
        except BadEnvironment as error:
            raise BadTlsFile(option, str(error)) from None
    return _parsed("ca_file", ca_file)


def _parsed(option: TlsOption, certificates: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=certificates)
    except OSError as error:
        raise BadTlsFile(option, f"cannot be used: {_problem(error)}") from None


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    option: TlsOption = "client_key" if key else "client_cert"
    if key is None and _KEY not in certificate.read_bytes():
        raise BadTlsFile("client_cert", "contains no private key; set client_key to the file that does")
    _parsed("client_cert", certificate)  # checked first, or a damaged certificate would be reported as a bad key
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except _Encrypted:
        advice = "decrypt it with: openssl pkey -in KEY -out PLAIN_KEY"
        raise BadTlsFile(option, f"the private key has a passphrase; {advice}") from None
    except OSError as error:
        raise BadTlsFile(option, f"cannot be used: {_problem(error)}") from None


class _Encrypted(Exception):
    """The error for a key with a passphrase, for which OpenSSL would ask on the terminal."""


def _no_passphrase() -> str:
    raise _Encrypted


_PROBLEMS = {  # SSL_R_* and others of OpenSSL
    "KEY_VALUES_MISMATCH": "the private key does not match client_cert",
    "KEY_TYPE_MISMATCH": "the private key does not match client_cert",
    "NO_CERTIFICATE_OR_CRL_FOUND": "it contains no certificate in PEM form",
    "EE_KEY_TOO_SMALL": "its key is too small",
    "CA_KEY_TOO_SMALL": "its key is too small",
    "CA_MD_TOO_WEAK": "its signature is too weak",
}


def _problem(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return _PROBLEMS.get(error.reason or "", "it is damaged, or not in PEM form")
    return getattr(error, "strerror", None) or "no such file"
