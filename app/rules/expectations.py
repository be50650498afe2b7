"""Tests in the configuration file: messages, and the replies that are expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from app.notation import Doc, Example, Key


@dataclass(frozen=True, slots=True)
class Expectation:
    """The `expect` of `[[tests]]`. Everything that is set must hold."""

    rule: Annotated[str | None, Example("menu"), Doc("The rule that answers.")] = None
    route: Annotated[str | None, Example("support"), Doc("The route of the message.")] = None
    text: Annotated[
        str | None, Example("Open Mon-Fri 9:00-18:00."), Doc("The whole text of a message that is sent.")
    ] = None
    text_has: Annotated[str | None, Example("Open"), Doc("A part of the text of a message that is sent.")] = None
    silent: Annotated[bool | None, Example(True), Doc("Whether nothing is sent.")] = None
    units: Annotated[int | None, Example(1), Doc("The SMS units of everything that is sent.")] = None


@dataclass(frozen=True, slots=True)
class ConfigTest:
    """One `[[tests]]`: a message, and the reply that is expected. `plivo-autoreply test` runs it."""

    name: Annotated[str, Example("a customer asks for the hours"), Doc("A short description of the test.")]
    to: Annotated[str, Example("+33644600000"), Doc("Your number.")]
    sender: Annotated[str, Key("from"), Example("+33700000001"), Doc("The sender: a number or a name.")]
    expect: Annotated[
        Expectation, Example({"rule": "menu", "text": "Open Mon-Fri 9:00-18:00."}), Doc("What the reply must be.")
    ]
    text: Annotated[str, Example("Hours?"), Doc("The text of the message.")] = ""
    type: Annotated[Literal["sms", "mms", "whatsapp"], Doc("The type of the message.")] = "sms"
    intent: Annotated[
        Literal["", "optout", "optin", "help"],
        Example("optout"),
        Doc("The MessageIntent that Plivo sets. Default: none."),
    ] = ""
    at: Annotated[
        datetime | None, Doc("When the message arrives, with a UTC offset: `2026-03-02T10:00:00+01:00`. Default: now.")
    ] = None
    given: Annotated[
        Mapping[str, str],
        Example({"bot": "pass"}),
        Doc("The result of each webhook or function: a text, `pass` or `fail`. Default: `pass`. Tests make no calls."),
    ] = field(default_factory=dict)
