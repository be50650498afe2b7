"""Opt-outs, which are checked before any route (G9). Pure.

After an opt-out no message goes to that person from that number until START, except one confirmation. Only mode "off"
lifts this. A word counts only if it is the whole message: "please stop the delivery" is not an opt-out. Only the
letters and digits of a message are compared, with and without the blanks between them, once or repeated: OPT-OUT,
S.T.O.P, "STOP=" and STOP STOP are opt-outs.

Who confirms depends on `mode`. Plivo confirms on US and Canadian numbers, and then sets MessageIntent.

https://docs.plivo.com/docs/messaging/concepts/dnd-service
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import Annotated, Any, Literal

from app import folding
from app.frozen import frozen
from app.notation import Doc, Example, Key

Mode = Literal["auto", "plivo", "self", "off"]
Scope = Literal["number", "route", "all"]
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


@dataclass(frozen=True, slots=True)
class OptOutWords:
    """The `words` of `[opt_out]`, in addition to the built-in ones. Case, accents and punctuation do not matter."""

    stop: Annotated[tuple[str, ...], Example(["ARRET"]), Doc("More words that opt out, for example `ARRET`.")] = ()
    start: Annotated[tuple[str, ...], Example(["REPRENDRE"]), Doc("More words that opt in again.")] = ()
    help: Annotated[tuple[str, ...], Example(["AIDE"]), Doc("More words that ask for help.")] = ()
    without: Annotated[tuple[str, ...], Key("not"), Example(["END"]), Doc("Built-in words to ignore.")] = ()


@dataclass(frozen=True, slots=True)
class OptOutReplies:
    """The `reply` of `[opt_out]`: the confirmations. An empty text sends none."""

    stop: Annotated[str, Doc("Confirms an opt-out.")] = "You will get no more messages. START to resume."
    start: Annotated[str, Doc("Confirms that messages are sent again.")] = "Welcome back."
    help: Annotated[str, Doc("Answers HELP.")] = "Reply STOP to end."


@dataclass(frozen=True, slots=True)
class OptOutOptions:
    """The options of `[opt_out]`. A route's own `opt_out` replaces them key by key."""

    mode: Annotated[
        Mode,
        Doc(
            "Who confirms: `auto` (Plivo if it sets MessageIntent, otherwise this service), `plivo`, or `self`. `off` "
            "ignores opt-outs."
        ),
    ] = "auto"
    scope: Annotated[
        Scope,
        Doc("What a STOP to one of your numbers applies to: that `number`, all numbers of its `route`, or `all`."),
    ] = "number"
    words: Annotated[
        OptOutWords, Example({"stop": ["ARRET"], "not": ["END"]}), Doc("Words besides the built-in ones.")
    ] = field(default_factory=OptOutWords)
    reply: Annotated[
        OptOutReplies, Example({"stop": "You will get no more messages."}), Doc("The texts of the confirmations.")
    ] = field(default_factory=OptOutReplies)


@dataclass(frozen=True, slots=True)
class RouteOptOut:
    """The opt-out policy of one route, prepared at load. Its words are spelled as `fold_words` returns them."""

    mode: Mode = "auto"
    scope: Scope = "number"  # which of our numbers are bound by a STOP sent to one of them
    words: Mapping[str, Kind] = field(default_factory=lambda: fold_words({}, ()))
    replies: Mapping[Kind, str] = field(default_factory=lambda: _by_kind(OptOutReplies()))


@frozen
class OptOutSignal:
    """The opt-out, opt-in or call for help in a message, by Plivo's MessageIntent or by a word."""

    kind: Kind
    word: str
    by_plivo: bool


@frozen
class OptOutDecision:
    """What follows from a signal: a change of the opt-out, a reply (None: silence), and the reason."""

    change: Literal["out", "in"] | None
    text: str | None
    reason: str


def for_route(options: OptOutOptions) -> RouteOptOut:
    """Return the opt-out policy for these options."""
    words = fold_words(_by_kind(options.words), options.words.without)
    return RouteOptOut(options.mode, options.scope, words, _by_kind(options.reply))


def _by_kind(options: Any) -> dict[Kind, Any]:
    return {kind: getattr(options, kind) for kind in KINDS}


def fold_words(more: Mapping[Kind, tuple[str, ...]], without: tuple[str, ...]) -> dict[str, Kind]:
    """Return spelling -> kind for the built-in words and `more`, leaving out `without`.

    Each word is listed with and without its blanks.
    """
    removed = {spelled(word) for word in without}
    words: dict[str, Kind] = {}
    for kind in reversed(KINDS):  # a word of several kinds is an opt-out
        spellings = [_spelling(word) for word in (*WORDS[kind], *more.get(kind, ()))]
        words |= dict.fromkeys([*spellings, *map(_unspaced, spellings)], kind)
    return {word: kind for word, kind in words.items() if word and _unspaced(word) not in removed}


def read(options: RouteOptOut, intent: str, text: str) -> OptOutSignal | None:
    """Return the signal in a message, or None."""
    if options.mode == "off":
        return (
            OptOutSignal("help", intent, by_plivo=True) if intent == "help" else None
        )  # Plivo has answered HELP already
    if intent in INTENTS:
        return OptOutSignal(INTENTS[intent], intent, by_plivo=True)
    word = _find(options.words, text)
    if word is None or (options.words[word] == "help" and options.mode == "plivo"):
        return None
    return OptOutSignal(options.words[word], word.upper(), by_plivo=False)


def _find(words: Mapping[str, Kind], text: str) -> str | None:
    """Return the opt-out word that the whole text consists of, with or without symbols, or None."""
    found = _match(words, _spelling(text))
    if found is None and not text.isascii() and (plain := "".join(filterfalse(_is_symbol, text))) != text:
        found = _match(words, _spelling(plain))
    return found


def _match(words: Mapping[str, Kind], spelling: str) -> str | None:
    if spelling in words:
        return spelling
    unspaced = _unspaced(spelling)
    if not unspaced.startswith(tuple(words)):  # nearly always
        return None
    return next((word for word in words if unspaced == word * (len(unspaced) // len(word))), None)


def _spelling(text: str) -> str:
    """Return the letters and digits of a text; if it has none, its folded form: an emoji may be a configured word."""
    return folding.letters(text) or folding.phrase(text)


def spelled(word: str) -> str:
    """Return the form in which a word and a message are compared without their blanks; "" if nothing is left."""
    return _unspaced(_spelling(word))


def _unspaced(spelling: str) -> str:
    return spelling.replace(" ", "")


def _is_symbol(character: str) -> bool:
    # U+2139, an emoji, is a letter in Unicode; other symbols, such as the trademark sign, fold to letters
    return unicodedata.category(character) == "So" or character == "\u2139"


def decide(options: RouteOptOut, signal: OptOutSignal | None, *, out: bool, verified: bool) -> OptOutDecision | None:
    """Return what follows from a signal and the person's state, or None to leave the message to the rules.

    `out`: whether the person has opted out. `verified`: whether the request was signed.
    """
    if options.mode == "off":
        return OptOutDecision(None, None, "Plivo answers HELP itself") if signal else None
    if signal and (signal.kind == "stop" or (signal.kind == "start" and (out or signal.by_plivo))):
        if not verified:
            return OptOutDecision(None, None, f"{signal.word} ignored: the request was not signed")
        return _stop(options, signal, out=out) if signal.kind == "stop" else _start(options, signal, out=out)
    if out:
        return OptOutDecision(None, None, "this person has opted out")
    return _help(options, signal) if signal and signal.kind == "help" else None


def _stop(options: RouteOptOut, signal: OptOutSignal, *, out: bool) -> OptOutDecision:
    if out:
        return OptOutDecision(None, None, f"{signal.word}: already opted out")
    return OptOutDecision("out", _confirmation(options, signal), f"{signal.word}")


def _start(options: RouteOptOut, signal: OptOutSignal, *, out: bool) -> OptOutDecision:
    return OptOutDecision("in" if out else None, _confirmation(options, signal), f"{signal.word}: opted in again")


def _help(options: RouteOptOut, signal: OptOutSignal) -> OptOutDecision:
    return OptOutDecision(None, _confirmation(options, signal), f"{signal.word}")


def _confirmation(options: RouteOptOut, signal: OptOutSignal) -> str | None:
    """Return the confirmation to send, or None if Plivo sends it."""
    plivo_confirms = options.mode == "plivo" or (options.mode == "auto" and signal.by_plivo)
    return None if plivo_confirms else options.replies[signal.kind] or None
