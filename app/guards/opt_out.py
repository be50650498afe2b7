"""Opt-out, before every route (law 9). Pure.

After an opt-out no message goes to that person from that number, in every mode but "off", except one
confirmation, until START. Whole messages only: "please stop the delivery" is nobody's opt-out.

Who confirms depends on `mode`: Plivo does on US and Canadian numbers, and says so with MessageIntent.
https://docs.plivo.com/docs/messaging/concepts/dnd-service
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app import folding

Mode = Literal["auto", "plivo", "self", "off"]
Kind = Literal["stop", "start", "help"]
KINDS: tuple[Kind, ...] = ("stop", "start", "help")

WORDS: Mapping[Kind, tuple[str, ...]] = {
    "stop": (
        "STOP",
        "STOPALL",
        "STOP ALL",
        "UNSUBSCRIBE",
        "UNSUB",
        "CANCEL",
        "END",
        "QUIT",
        "REVOKE",
        "OPT OUT",
        "OPTOUT",
    ),
    "start": ("START", "UNSTOP"),
    "help": ("HELP", "INFO"),
}
INTENTS: Mapping[str, Kind] = {"optout": "stop", "optin": "start", "help": "help"}
REPLIES: Mapping[Kind, str] = {
    "stop": "You will get no more messages. START to resume.",
    "start": "Welcome back.",
    "help": "Reply STOP to end.",
}


@dataclass(frozen=True, slots=True)
class OptOutOptions:
    """`[opt_out]`, its words folded."""

    mode: Mode = "auto"
    words: Mapping[str, Kind] = field(default_factory=lambda: fold_words({}, ()))
    replies: Mapping[Kind, str] = field(default_factory=lambda: REPLIES)


@dataclass(frozen=True, slots=True)
class Sign:
    """What a message says of opting out: by Plivo's MessageIntent, or by a word."""

    kind: Kind
    word: str
    by_plivo: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows: a change of state, a text (None: silence), and why."""

    change: Literal["out", "in"] | None
    text: str | None
    reason: str


def fold_words(more: Mapping[Kind, tuple[str, ...]], without: tuple[str, ...]) -> dict[str, Kind]:
    """Folded phrase -> kind, of the built-in words and more, without some."""
    removed = {folding.phrase(word) for word in without}
    words: dict[str, Kind] = {}
    for kind in reversed(KINDS):  # a word that is in several is an opt-out
        words |= {folding.phrase(word): kind for word in (*WORDS[kind], *more.get(kind, ()))}
    return {word: kind for word, kind in words.items() if word not in removed}


def read(options: OptOutOptions, intent: str, text: str) -> Sign | None:
    """What the message says, if it says anything of opting out."""
    if options.mode == "off":
        return Sign("help", intent, by_plivo=True) if intent == "help" else None  # Plivo has answered HELP itself
    if intent in INTENTS:
        return Sign(INTENTS[intent], intent, by_plivo=True)
    phrase = folding.phrase(text)
    kind = options.words.get(phrase)
    if kind is None or (kind == "help" and options.mode == "plivo"):
        return None
    return Sign(kind, phrase.upper(), by_plivo=False)


def judge(options: OptOutOptions, sign: Sign | None, *, out: bool, verified: bool) -> Verdict | None:
    """What follows from a sign and the state of the pair; None: an ordinary message, for the rules."""
    if options.mode == "off":
        return Verdict(None, None, "Plivo answers HELP itself") if sign else None
    if sign and (sign.kind == "stop" or (sign.kind == "start" and (out or sign.by_plivo))):
        if not verified:
            return Verdict(None, None, f"{sign.word}, but nobody signed it, so it changes nothing")
        return _stop(options, sign, out=out) if sign.kind == "stop" else _start(options, sign, out=out)
    if out:
        return Verdict(None, None, "this person has opted out")
    return _help(options, sign) if sign and sign.kind == "help" else None


def _stop(options: OptOutOptions, sign: Sign, *, out: bool) -> Verdict:
    if out:
        return Verdict(None, None, f"{sign.word}, confirmed before")
    return Verdict("out", _confirmation(options, sign), f"{sign.word}")


def _start(options: OptOutOptions, sign: Sign, *, out: bool) -> Verdict:
    return Verdict("in" if out else None, _confirmation(options, sign), f"{sign.word}, back again")


def _help(options: OptOutOptions, sign: Sign) -> Verdict:
    return Verdict(None, _confirmation(options, sign), f"{sign.word}")


def _confirmation(options: OptOutOptions, sign: Sign) -> str | None:
    """Ours, unless Plivo has said it."""
    plivo_says = options.mode == "plivo" or (options.mode == "auto" and sign.by_plivo)
    return None if plivo_says else options.replies[sign.kind] or None
