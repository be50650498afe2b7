"""`[admin]` of the file: where the operator's socket listens."""

import ipaddress
import re
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from app.config.diagnostics import Diagnostics
from app.config.fields import OptionalText, Strict, needed

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):(\d{1,5})")
_LAST_PORT = 65535


class Address(NamedTuple):
    """A host, IPv6 without brackets, and a port; 0: any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(value: Any, info: ValidationInfo) -> Address:
    text = needed(value, info)
    found = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found or int(found[3]) > _LAST_PORT:
        message = 'write a host and a port as "127.0.0.1:9090" or "[::1]:9090"'
        raise ValueError(message)
    return Address(found[1] or found[2], int(found[3]))


def _admin_token(value: str | None) -> str | None:
    if value is not None and not value.strip():
        message = "the token is empty"
        raise ValueError(message)
    return value and value.strip()


class AdminTable(Strict):
    """`[admin]`. The token guards what changes something, or shows texts; not the metrics."""

    listen: Annotated[Any, BeforeValidator(_address)]
    token: Annotated[OptionalText, AfterValidator(_admin_token), Field(repr=False)] = None


def warn_of_strangers(admin: AdminTable | None, faults: Diagnostics) -> None:
    """Nothing guards the metrics but the address. Private ones, and 0.0.0.0 in a container, are usual."""
    try:
        public = admin is not None and ipaddress.ip_address(admin.listen.host).is_global
    except ValueError:
        public = False
    if public:
        message = "a public address: anybody can read /metrics and /ready there; they hold no texts and no numbers"
        faults.note(("admin", "listen"), message, "warning")
