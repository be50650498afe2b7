"""`ca_file`, `client_cert` and `client_key`: what can be used, and what is said of the rest."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from app.http_client import BadTlsFile, TlsFiles

URL = "https://crm.example.com/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEM files, good and bad."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    me, other = authority.issue_cert("me"), authority.issue_cert("other")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    me.cert_chain_pems[0].write_to_path(str(folder / "me.pem"))
    me.private_key_pem.write_to_path(str(folder / "me.key"))
    me.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    other.private_key_pem.write_to_path(str(folder / "other.key"))
    key = serialization.load_pem_private_key(me.private_key_pem.bytes(), None)
    secret = serialization.BestAvailableEncryption(b"hunter2")
    (folder / "locked.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    )
    (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n")
    (folder / "damaged.key").write_text("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    (folder / "notes.txt").write_text("hunter2")
    (folder / "folder").mkdir()
    return folder


@pytest.mark.parametrize(
    "files",
    [
        TlsFiles(ca_file="ca.pem"),
        TlsFiles(client_cert="me.pem", client_key="me.key"),
        TlsFiles(client_cert="both.pem"),
        TlsFiles(ca_file="ca.pem", client_cert="me.pem", client_key="me.key"),
    ],
)
def test_files_that_can_be_used(folder: Path, files: TlsFiles) -> None:
    """Each verifies the receiver and its name, and stands beside the config file."""
    context = files.ssl_context(URL, folder)
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [one["subject"] for one in context.get_ca_certs()]


def test_an_own_authority_replaces_the_public_ones(folder: Path) -> None:
    """`ca_file` says whom to trust, and nobody else is."""
    context = TlsFiles(ca_file="ca.pem").ssl_context(URL, folder)
    assert context is not None
    assert len(context.get_ca_certs()) == 1


def test_no_files_no_context(folder: Path) -> None:
    """Without any, the authorities of the environment apply."""
    assert TlsFiles().ssl_context(URL, folder) is None
    assert TlsFiles().ssl_context("http://127.0.0.1/", folder) is None


def test_an_absolute_path(folder: Path, tmp_path: Path) -> None:
    """As a container mounts it."""
    assert TlsFiles(ca_file=str(folder / "ca.pem")).ssl_context(URL, tmp_path) is not None


@pytest.mark.parametrize(
    ("files", "option", "said"),
    [
        (TlsFiles(ca_file="none.pem"), "ca_file", "file none.pem cannot be read: No such file or directory"),
        (TlsFiles(ca_file="folder"), "ca_file", "file folder cannot be read: Is a directory"),
        (TlsFiles(ca_file=""), "ca_file", "cannot be read"),
        (TlsFiles(ca_file="a\0b"), "ca_file", "cannot be read: no such file"),
        (TlsFiles(ca_file="notes.txt"), "ca_file", "file notes.txt contains no certificate in PEM form"),
        (TlsFiles(ca_file="me.key"), "ca_file", "contains no certificate"),
        (TlsFiles(ca_file="damaged.pem"), "ca_file", "cannot be used: it is damaged, or not in PEM form"),
        (TlsFiles(ca_file="-----BEGIN CERTIFICATE-----hunter2"), "ca_file", "the content of a file; write its path"),
        (TlsFiles(client_key="me.key"), "client_key", "a key without its certificate"),
        (TlsFiles(client_cert="me.pem"), "client_cert", "contains no private key; set client_key"),
        (TlsFiles(client_cert="me.pem", client_key="me.pem"), "client_key", "contains no private key"),
        (TlsFiles(client_cert="me.pem", client_key="none.key"), "client_key", "cannot be read"),
        (TlsFiles(client_cert="me.pem", client_key="other.key"), "client_key", "does not match client_cert"),
        (TlsFiles(client_cert="me.pem", client_key="locked.key"), "client_key", "has a passphrase"),
        (TlsFiles(client_cert="me.pem", client_key="damaged.key"), "client_key", "cannot be used"),
        (TlsFiles(client_cert="damaged.pem", client_key="me.key"), "client_cert", "cannot be used"),
    ],
)
def test_files_that_cannot_be_used(folder: Path, files: TlsFiles, option: str, said: str) -> None:
    """The option that is wrong is named, with what to do, and never with what is in a file."""
    with pytest.raises(BadTlsFile) as caught:
        files.ssl_context(URL, folder)
    assert (caught.value.option, said in str(caught.value)) == (option, True), str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", ["ca_file", "client_cert", "client_key"])
def test_they_are_for_https_only(folder: Path, option: str) -> None:
    """An option that would have no effect is a mistake."""
    with pytest.raises(BadTlsFile, match="for https only, and the URL is http") as caught:
        TlsFiles(**{option: "ca.pem"}).ssl_context("http://crm.example.com/", folder)
    assert caught.value.option == option


def test_authorities_of_the_environment_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client certificate beside a wrong SSL_CERT_FILE is a fault, not a crash."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "none.pem"))
    with pytest.raises(BadTlsFile, match=r"^SSL_CERT_FILE or SSL_CERT_DIR: No such file") as caught:
        TlsFiles(client_cert="both.pem").ssl_context(URL, folder)
    assert caught.value.option == "client_cert"
