"""`[store] url`: a SQLite file or a PostgreSQL server, checked before anything is opened."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from app.config.source import Source
from app.config.validation import check
from app.settings import SQLITE, StoreSettings

_PLACE = ("store",)
SERVERS = ("postgres", "postgresql")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PARAMETERS = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "target_session_attrs"}
)
_ADVICE = f'not a URL of a store; write "{SQLITE}autoreply.db" for a file, or postgresql://user@host/database'


def read_store(source: Source) -> StoreSettings | None:
    """Read `[store]`; what is wrong with it is noted."""
    store = check(StoreSettings, source, _PLACE, source.data.get("store", {}))
    try:
        return store and replace(store, url=located(store.url, source.folder, source.environment))
    except ValueError as error:
        source.note((*_PLACE, "url"), str(error))
        return store


def located(url: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The URL of a server as it is, that of a file with its absolute path. Raises `ValueError`.

    A relative file is below $AUTOREPLY_DATA, else below `folder`, that of the config file. Never below the working
    directory: a server that is started elsewhere would begin an empty store, without any opt-out.
    """
    if url.startswith(SQLITE) and any(strange in url for strange in ("?", "#", ":memory:")):
        message = "more than a path; write sqlite:///autoreply.db, there are no options and no store in memory"
        raise ValueError(message)
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        return f"{SQLITE}{path if path.is_absolute() else _data_folder(folder, environment) / path}"
    if url.partition("://")[0] not in SERVERS:
        raise ValueError(_ADVICE)
    check_server(url)
    return url


def check_server(url: str) -> None:
    """Raises `ValueError` for a URL that is not as operators write it: `postgres://`, `postgresql://`, `?sslmode=`."""
    message = (
        "not a URL of a store; write postgresql://user@host/database, special characters of a password percent-encoded"
    )
    if url.partition("://")[0] not in SERVERS:
        message = "not a URL of a store; write postgresql://user@host/database"
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
        message = "not a port; write one from 1 to 65535"
        raise ValueError(message)
    if unknown := sorted(query.keys() - PARAMETERS):
        message = f'unknown parameter "{unknown[0]}" of the URL; known: {", ".join(sorted(PARAMETERS))}'
        raise ValueError(message)
    if query.get("sslmode", "prefer") not in SSL_MODES:
        message = f"not an sslmode; write one of {', '.join(SSL_MODES)}"
        raise ValueError(message)


def _are_digits(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _is_port(text: str) -> bool:
    return _are_digits(text) and int(text) in range(1, 65536)


def _data_folder(folder: Path, environment: Mapping[str, str]) -> Path:
    """$AUTOREPLY_DATA, else the folder of the config file. Raises `ValueError`."""
    data = environment.get("AUTOREPLY_DATA")
    if not data:
        return folder
    if not Path(data).is_dir():
        message = f"$AUTOREPLY_DATA is {data!r}, and there is no such folder: create it, or mount the volume"
        raise ValueError(message)
    return Path(data).absolute()
