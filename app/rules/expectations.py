"""Tests in the configuration file: messages, and the replies that are expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from app.notation import Doc, Key


@dataclass(frozen=True, slots=True)
class Expectation:
    """The `expect` of `[[tests]]`. Everything that is set must hold."""

    rule: Annotated[str | None, Doc("The rule that answers.")] = None
    route: Annotated[str | None, Doc("The route of the message.")] = None
    text: Annotated[str | None, Doc("The whole text of a message that is sent.")] = None
    text_has: Annotated[str | None, Doc("A part of the text of a message that is sent.")] = None
    silent: Annotated[bool | None, Doc("Whether nothing is sent.")] = None
    units: Annotated[int | None, Doc("The SMS units of everything that is sent.")] = None


@dataclass(frozen=True, slots=True)
class ConfigTest:
    """One `[[tests]]`: a message, and the reply that is expected. `plivo-autoreply test` runs it."""

    name: Annotated[str, Doc("A short description of the test.")]
    to: Annotated[str, Doc("Your number.")]
    sender: Annotated[str, Key("from"), Doc("The sender: a number or a name.")]
    expect: Annotated[Expectation, Doc("What the reply must be.")]
    text: Annotated[str, Doc("The text of the message.")] = ""
    type: Annotated[Literal["sms", "mms", "whatsapp"], Doc("The type of the message.")] = "sms"
    intent: Annotated[
        Literal["", "optout", "optin", "help"], Doc("The MessageIntent that Plivo sets. Default: none.")
    ] = ""
    at: Annotated[
        datetime | None, Doc("When the message arrives, with a UTC offset: `2026-03-02T10:00:00+01:00`. Default: now.")
    ] = None
    given: Annotated[
        Mapping[str, str],
        Doc("The result of each webhook or function: a text, `pass` or `fail`. Default: `pass`. Tests make no calls."),
    ] = field(default_factory=dict)
