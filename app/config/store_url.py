"""`[store] url`: a SQLite file or a PostgreSQL server, checked before anything is opened."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from app.settings import SQLITE

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PARAMETERS = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "target_session_attrs"}
)
_ADVICE = f'url = "{SQLITE}autoreply.db" is a file (four slashes for an absolute path)'


def located(url: str, folder: Path) -> str:
    """The URL of a server as it is, that of a file with its absolute path. Raises `ValueError`.

    A relative file is below $AUTOREPLY_DATA, else below `folder`, that of the config file. Never below the working
    directory: a server that is started elsewhere would begin an empty store, without any opt-out.
    """
    if url.startswith(SQLITE) and any(strange in url for strange in ("?", "#", ":memory:")):
        message = "a path only; there are no options, and no store in memory: it keeps what it promises"
        raise ValueError(message)
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        return f"{SQLITE}{path if path.is_absolute() else _data_folder(folder) / path}"
    try:
        check_server(url)
    except ValueError as error:
        message = f"{error}; {_ADVICE}"
        raise ValueError(message) from None
    return url


def check_server(url: str) -> None:
    """Raises `ValueError` for a URL that is not as operators write it: `postgres://`, `postgresql://`, `?sslmode=`."""
    message = "not a URL; write postgresql://user@host/database, with special characters of a password percent-encoded"
    if url.partition("://")[0] not in ("postgres", "postgresql"):
        message = "write postgresql://user@host/database"
        raise ValueError(message)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(message) from None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    port = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if parts.fragment or parts.netloc.count("@") > 1 or not _are_digits(port):
        raise ValueError(message)
    if not all(_is_port(one) for one in (port, *query.get("port", "").split(",")) if one):
        message = "a port of the URL is none: 1 to 65535"
        raise ValueError(message)
    if unknown := sorted(query.keys() - PARAMETERS):
        message = f'unknown parameter "{unknown[0]}" of the URL; there are {", ".join(sorted(PARAMETERS))}'
        raise ValueError(message)
    if query.get("sslmode", "prefer") not in SSL_MODES:
        message = f"sslmode is one of {', '.join(SSL_MODES)}"
        raise ValueError(message)


def _are_digits(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _is_port(text: str) -> bool:
    return _are_digits(text) and int(text) in range(1, 65536)


def _data_folder(folder: Path) -> Path:
    """$AUTOREPLY_DATA, else the folder of the config file. Raises `ValueError`."""
    data = os.environ.get("AUTOREPLY_DATA")
    if not data:
        return folder
    if not Path(data).is_dir():
        message = f"$AUTOREPLY_DATA is {data!r}, and there is no such folder: create it, or mount the volume"
        raise ValueError(message)
    return Path(data).absolute()
