"""The tables of the file, as pydantic models; `docs/config.md` tells the same to people."""

from typing import Annotated, Literal

from pydantic import Field

from app.config.fields import (
    Duration,
    Durations,
    Headers,
    OptionalText,
    PublicUrl,
    Secrets,
    Size,
    Strict,
    Text,
    TextMap,
    Texts,
    Tokens,
    Url,
)
from app.reports.schedule import RETRY
from app.reports.target import Format

MAX_DEADLINE = 7.5  # seconds; Plivo hangs up after 8: https://support.plivo.com/hc/en-us/articles/360041344652
DAY = 86400.0
STATUSES = ("queued", "sent", "failed", "delivered", "undelivered", "rejected", "read")  # of Plivo's reports


class Server(Strict):
    """`[server]`"""

    public_url: PublicUrl
    host: Text = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    deadline: Annotated[Duration, Field(gt=0, le=MAX_DEADLINE)] = 6.0
    body_limit: Size = 64 * 1024
    callback_method: Literal["GET", "POST"] = "POST"


class Plivo(Strict):
    """`[plivo]`"""

    auth_tokens: Tokens
    auth_id: OptionalText = None
    signature: Literal["any", "v3", "log-only"] = "any"
    country: OptionalText = None


class Store(Strict):
    """`[store]`"""

    url: Text = "sqlite:///autoreply.db"
    keep: Annotated[Duration, Field(ge=DAY)] = 30 * DAY
    keep_text: Duration = 14 * DAY


class Route(Strict):
    """`[[routes]]`, without the keys of a nameless action."""

    name: Annotated[Text | None, Field(pattern=r"^[a-z0-9-]+$")] = None
    to: Texts
    rules: Texts | None = None
    vars: TextMap = Field(default_factory=dict)
    targets: Texts | None = None


class Target(Strict):
    """`[targets.x]`"""

    url: Url
    format: Format = "json"
    secrets: Secrets = ()
    headers: Headers = Field(default_factory=dict)
    statuses: Texts = ()
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    retry: Durations = RETRY


class Logging(Strict):
    """`[logging]`"""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
    numbers: Literal["last4", "full"] = "last4"


SECTIONS: dict[str, type[Strict]] = {"server": Server, "plivo": Plivo, "store": Store, "logging": Logging}
TABLES = (*SECTIONS, "routes", "rules", "targets")
