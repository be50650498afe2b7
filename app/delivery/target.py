"""Targets: where reports and copies of messages are sent."""

import ssl
from dataclasses import dataclass, field
from typing import Annotated, Literal

from app.delivery.retry import RETRY
from app.http_client import ReceiverOptions
from app.notation import Doc, Example, HttpUrl, Interval, Len, Seconds, Status
from app.plivo.signature import Token

Format = Literal["json", "plivo"]
Send = Literal["reports", "messages"]

MAX_DUE = 1_000_000  # deliveries, about a gigabyte; a weekend at 20 reports a second brings three times as many


@dataclass(frozen=True, slots=True)
class Target(ReceiverOptions):
    """One `[targets.x]`: where delivery reports, and copies of messages, are sent."""

    name: str
    url: Annotated[
        HttpUrl,
        Example("https://crm.example.com/hooks/sms"),
        Doc("The URL to post to. Any 2xx response accepts the delivery."),
    ] = field(
        repr=False  # like headers, it may contain a password
    )
    send: Annotated[
        tuple[Send, ...],
        Len(1),
        Example(["reports", "messages"]),
        Doc("What is posted: delivery `reports`, `messages` (a copy of each inbound message and its answer), or both."),
    ] = ("reports",)
    format: Annotated[Format, Doc("The body: `json`, or `plivo` for the fields as Plivo sent them, form-encoded.")] = (
        "json"
    )
    statuses: Annotated[
        tuple[Status, ...],
        Len(1),
        Example(["delivered", "undelivered", "failed"]),
        Doc("Only reports with one of these statuses, for example `delivered`. Default: all."),
    ] = ()
    timeout: Annotated[
        Seconds,
        Interval(gt=0, le=60),
        Doc("The longest time for one attempt, from connecting to the end of the response."),
    ] = 10.0
    concurrency: Annotated[int, Interval(ge=1, le=256), Doc("The most attempts at a time.")] = 4
    retry: Annotated[
        tuple[Seconds, ...],
        Doc("The delays before each further attempt, each ±20 %. After the last attempt the delivery is dead."),
    ] = RETRY
    max_due: Annotated[
        int, Interval(ge=1), Doc("The most deliveries that may wait. Further ones are stored as dead.")
    ] = MAX_DUE
    plivo_signature: Annotated[
        bool,
        Doc("Also sign each POST as Plivo does (V2 and V3), so that code on Plivo's SDK validates it unchanged."),
    ] = False
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # of `ca_file` and `client_cert`; None: the default
    plivo_token: Token | None = None  # for `plivo_signature`
