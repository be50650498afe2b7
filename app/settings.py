"""Settings that are not rules, one dataclass for each table of the file. Pure.

`[limits]`, `[opt_out]`, `[schedules.x]`, `[targets.x]`, `[[routes]]`, `[rules.x]` and `[[tests]]` are declared by the
packages that they are for.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from app.notation import (
    AccessToken,
    ApplicationName,
    Bytes,
    Country,
    Doc,
    Example,
    HostName,
    HttpUrl,
    Interval,
    ListenHost,
    PublicUrl,
    Seconds,
)
from app.plivo.signature import Token

DAY = 86400.0  # seconds
MAX_BODY = 16 << 20  # bytes; Plivo sends less than one KiB
MAX_DEADLINE = 7.5  # seconds; Plivo hangs up after 8: https://support.plivo.com/hc/en-us/articles/360041344652
SQLITE = "sqlite:///"

SignatureMode = Literal["any", "v3", "log-only"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: where Plivo reaches the service, and the bounds of one request."""

    public_url: Annotated[
        PublicUrl,
        Example("https://sms.example.com"),
        Doc(
            "The URL that Plivo calls, without `/message`. Signatures are verified against it, never against the Host "
            "header."
        ),
    ]
    host: Annotated[
        ListenHost, Example("192.0.2.10"), Doc("The address to listen on; `0.0.0.0` is every IPv4 address.")
    ] = "127.0.0.1"
    port: Annotated[int, Interval(ge=0, le=65535), Doc("The TCP port to listen on; 0 takes any free one.")] = 8080
    deadline: Annotated[
        Seconds,
        Interval(gt=0, le=MAX_DEADLINE),
        Doc("The longest time for one response. After that, Plivo gets 503 and calls again."),
    ] = 6.0
    body_limit: Annotated[
        Bytes, Interval(gt=0, le=MAX_BODY), Doc("The largest request body; a larger one gets 413.")
    ] = 64 * 1024
    callback_method: Annotated[
        Literal["GET", "POST"], Doc("The HTTP method that Plivo uses for the delivery reports of replies.")
    ] = "POST"
    connections: Annotated[
        int,
        Interval(ge=10, le=100_000),
        Doc(
            "The most connections open at a time; at the limit, those that carried no signed request are closed first. "
            "Each needs three file descriptors."
        ),
    ] = 1_000


@dataclass(frozen=True, slots=True)
class PlivoSettings:
    """`[plivo]`: the account, and how its signatures are checked."""

    auth_tokens: Annotated[
        tuple[Token, ...],
        Example({"env": "PLIVO_AUTH_TOKEN"}),
        Doc("The auth tokens of the account and its subaccounts; several while one is being rotated."),
    ]
    auth_id: Annotated[
        str | None,
        Example({"env": "PLIVO_AUTH_ID"}),
        Doc("The auth ID of the account. `provision` and `doctor` need it; serving does not."),
    ] = field(default=None, repr=False)
    signature: Annotated[
        SignatureMode,
        Doc(
            "Which signatures count: `any` of V2 and V3, or only `v3`. `log-only` lets unsigned requests pass, for a "
            "roll-out."
        ),
    ] = "any"
    application: Annotated[
        ApplicationName,
        Doc("The Plivo application that `provision` creates or changes, by its name."),
    ] = "plivo-autoreply"
    answer_url: Annotated[
        HttpUrl | None,
        Doc(
            "The URL that Plivo calls for phone calls to the numbers that `provision` links. Default: the one of the "
            "application that they had."
        ),
    ] = None
    log_incoming_messages: Annotated[
        bool,
        Doc("Whether Plivo keeps the texts of inbound messages in its own log. `provision` sets it."),
    ] = True
    api_url: Annotated[HttpUrl, Doc("Plivo's REST API, which `provision` and `doctor` ask.")] = (
        "https://api.plivo.com/v1"
    )
    country: Annotated[
        Country | None,
        Doc(
            "The country, as two letters, whose national forms of numbers this file may use. Without it, numbers are "
            "written with `+` or with all their digits."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`[store]`: where messages, reports and opt-outs are kept, and how long."""

    url: Annotated[
        str,
        Example("postgresql://autoreply@db.example.com/autoreply"),
        Doc(
            "A SQLite file, relative to $AUTOREPLY_DATA, else to the folder of this file; or a PostgreSQL server, as "
            "`postgresql://user@host/database`."
        ),
    ] = field(default=f"{SQLITE}autoreply.db", repr=False)  # once loaded, the path of a file is absolute
    keep: Annotated[
        Seconds,
        Interval(ge=DAY),
        Doc("How long messages, answers and reports are kept. Opt-outs never expire."),
    ] = 30 * DAY
    keep_text: Annotated[
        Seconds,
        Doc(
            "How long the texts of messages are kept; `0d` keeps none. Answers are kept for at least a day, so that a "
            "retry gets the same one."
        ),
    ] = 14 * DAY
    reserve: Annotated[
        Bytes | None,
        Doc(
            "With less free disk than this, reports get 503 and messages are still answered. Default: 256MiB, or a "
            "tenth of a small disk. SQLite only."
        ),
    ] = None

    @property
    def file(self) -> Path | None:
        """The SQLite file; None: the store is a server."""
        return Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None

    @property
    def shown(self) -> str:
        """Where the store is, without a password."""
        return str(self.file or re.sub(r"(://[^/@:]*):[^@]*@", r"\1:***@", self.url))


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """`[logging]`: what the log looks like. It goes to stderr."""

    format: Annotated[
        Literal["auto", "json", "console"],
        Doc("`json` (one object per line), `console` (for people), or `auto`: console on a terminal, else JSON."),
    ] = "auto"
    level: Annotated[Literal["debug", "info", "warning", "error"], Doc("The least severe lines that are logged.")] = (
        "info"
    )
    numbers: Annotated[
        Literal["last4", "full"], Doc("How phone numbers are logged: their last four digits, or in full.")
    ] = "last4"


class HostPort(NamedTuple):
    """A host, IPv6 without brackets, and a port; 0: any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """`[admin]`: the admin socket. Without this table there is none."""

    listen: Annotated[
        HostPort, Doc("The address and port of /metrics, /health and /ready, for example `127.0.0.1:9090`.")
    ]
    token: Annotated[
        AccessToken | None,
        Example({"env": "AUTOREPLY_ADMIN_TOKEN"}),
        Doc("The token of the console and the API. /metrics, /health and /ready need none."),
    ] = field(default=None, repr=False)
    hosts: Annotated[
        tuple[HostName, ...],
        Example(["sms-admin.example.com"]),
        Doc("Host names under which browsers may open the console and the API, besides the address of `listen`."),
    ] = ()
    test_senders: Annotated[
        tuple[str, ...],
        Example(["+33600000001"]),
        Doc(
            "Numbers that the console's phone may send from, live. Their messages count towards no spending cap and no "
            "statistics, and no target gets a copy."
        ),
    ] = ()  # normalised after loading


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one configuration file."""

    server: ServerSettings
    plivo: PlivoSettings
    store: StoreSettings = field(default_factory=StoreSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    admin: AdminSettings | None = None  # None: no socket of its own
