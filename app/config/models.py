"""The tables of the file, as pydantic models; `docs/config.md` tells the same to people."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.config.fields import (
    Choice,
    Dates,
    Duration,
    Durations,
    HeaderMap,
    HttpUrl,
    OneOrMany,
    OptionalText,
    PublicUrl,
    Rates,
    Secrets,
    Size,
    SizeOrNone,
    Strict,
    Text,
    TextMap,
    Texts,
    Tokens,
)
from app.delivery.retry import RETRY
from app.delivery.target import MAX_DUE, Format, Send
from app.policies.limits import LimitOptions
from app.policies.opt_out import REPLIES, Mode, Scope
from app.policies.reactions import Reactions

MAX_BODY = 16 << 20  # bytes; Plivo sends less than one KiB
DEFAULTS = LimitOptions()
MAX_DEADLINE = 7.5  # seconds; Plivo hangs up after 8: https://support.plivo.com/hc/en-us/articles/360041344652
MIN_CONNECTIONS, MAX_CONNECTIONS = 10, 100_000
DAY = 86400.0


class ServerTable(Strict):
    """`[server]`"""

    public_url: PublicUrl
    host: Annotated[Text, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    deadline: Annotated[Duration, Field(gt=0, le=MAX_DEADLINE)] = 6.0
    body_limit: Annotated[Size, Field(le=MAX_BODY)] = 64 * 1024
    callback_method: Annotated[Literal["GET", "POST"], Choice] = "POST"
    connections: Annotated[int, Field(ge=MIN_CONNECTIONS, le=MAX_CONNECTIONS)] = 1_000


class Country(Strict):
    """The part of `[plivo]` that numbers in the file need."""

    country: OptionalText = None


class Plivo(Country):
    """`[plivo]`"""

    auth_tokens: Tokens
    auth_id: OptionalText = None
    signature: Annotated[Literal["any", "v3", "log-only"], Choice] = "any"


class StoreTable(Strict):
    """`[store]`"""

    url: Text = "sqlite:///autoreply.db"
    keep: Annotated[Duration, Field(ge=DAY)] = 30 * DAY
    keep_text: Duration = 14 * DAY
    reserve: SizeOrNone | None = None


class ScheduleTable(Strict):
    """`[schedules.x]`"""

    timezone: Text
    hours: Text
    country: OptionalText = None
    region: OptionalText = None
    holidays: Dates = ()
    weekdays: Texts = ()


class Words(Strict):
    """`words` of `[opt_out]`: besides the built-in ones, and `not` these."""

    stop: Texts = ()
    start: Texts = ()
    help: Texts = ()
    without: Annotated[Texts, Field(alias="not")] = ()


class Replies(Strict):
    """`reply` of `[opt_out]`; an empty text is silence."""

    stop: Text = REPLIES["stop"]
    start: Text = REPLIES["start"]
    help: Text = REPLIES["help"]


class OptOut(Strict):
    """`[opt_out]`, and a route's own."""

    mode: Annotated[Mode, Choice] = "auto"
    scope: Annotated[Scope, Choice] = "number"
    words: Words = Field(default_factory=Words)
    reply: Replies = Field(default_factory=Replies)


class LimitsTable(Strict):
    """`[limits]`, and a route's own."""

    per_sender: Rates = DEFAULTS.per_sender
    same_text: Rates = DEFAULTS.same_text
    total: Rates = DEFAULTS.total
    max_units: Annotated[int, Field(ge=1, le=10)] = DEFAULTS.max_units
    exempt: Texts = ()
    reactions: Annotated[Reactions, Choice] = DEFAULTS.reactions


class Expect(Strict):
    """`expect` of a test."""

    rule: Text | None = None
    route: Text | None = None
    text: Text | None = None
    text_has: Text | None = None
    silent: bool | None = None
    units: int | None = None


class Test(Strict):
    """`[[tests]]`"""

    name: Text
    to: Text
    sender: Annotated[Text, Field(alias="from")]
    text: Text = ""
    type: Annotated[Literal["sms", "mms", "whatsapp"], Choice] = "sms"
    intent: Annotated[Literal["", "optout", "optin", "help"], Choice] = ""
    at: AwareDatetime | None = None
    given: dict[str, Text] = Field(default_factory=dict)
    expect: Expect


class RouteTable(Strict):
    """`[[routes]]`, without the keys of a nameless action."""

    name: Annotated[Text | None, Field(pattern=r"^[a-z0-9-]+$")] = None
    to: Texts
    rules: Texts | None = None
    vars: TextMap = Field(default_factory=dict)
    targets: Texts | None = None
    limits: LimitsTable | None = None
    opt_out: OptOut | None = None


class TargetTable(Strict):
    """`[targets.x]`"""

    url: HttpUrl
    send: Annotated[OneOrMany[Annotated[Send, Choice]], Field(min_length=1)] = ("reports",)
    format: Annotated[Format, Choice] = "json"
    secrets: Secrets = ()
    headers: HeaderMap = Field(default_factory=dict)
    statuses: Texts = ()
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    retry: Durations = RETRY
    max_due: Annotated[int, Field(ge=1)] = MAX_DUE
    plivo_signature: bool = False
    ca_file: OptionalText = None
    client_cert: OptionalText = None
    client_key: OptionalText = None


class Logging(Strict):
    """`[logging]`"""

    format: Annotated[Literal["auto", "json", "console"], Choice] = "auto"
    level: Annotated[Literal["debug", "info", "warning", "error"], Choice] = "info"
    numbers: Annotated[Literal["last4", "full"], Choice] = "last4"


TABLES = (
    "server",
    "plivo",
    "store",
    "schedules",
    "routes",
    "rules",
    "opt_out",
    "targets",
    "limits",
    "logging",
    "admin",
    "tests",
)
