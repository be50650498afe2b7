"""Law 9, pure: what a message says of opting out, and what follows. After an opt-out nothing but START speaks."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guards.opt_out import KINDS, REPLIES, Kind, Mode, OptOutOptions, Sign, Verdict, fold_words, judge, read

MODES: tuple[Mode, ...] = ("auto", "plivo", "self", "off")
BYE, BACK, HELP = (
    "You will get no more messages. START to resume.",
    "Welcome back.",
    "Reply STOP to end.",
)

# What Plivo publishes and DESIGN 3.1 lists, written out once more
STOP_WORDS = [
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
]
START_WORDS, HELP_WORDS = ["START", "UNSTOP"], ["HELP", "INFO"]


def _options(mode: Mode = "auto", without: tuple[str, ...] = (), **more: tuple[str, ...]) -> OptOutOptions:
    kinds: dict[Kind, tuple[str, ...]] = {kind: more.get(kind, ()) for kind in KINDS}
    return OptOutOptions(mode, fold_words(kinds, without))


# What a message says


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *((word, "stop") for word in STOP_WORDS),
        *((word, "start") for word in START_WORDS),
        *((word, "help") for word in HELP_WORDS),
    ],
)
def test_built_in_words(word: str, kind: Kind) -> None:
    """The words of DESIGN 3.1, however a phone writes them."""
    for text in (
        word,
        word.lower(),
        f" {word.title()}! ",
        f"\u201c{word}\u201d",
        f"{word}\u200b",
        word.replace("O", "Ó"),
    ):
        assert read(_options(), "", text) == Sign(kind, word, by_plivo=False), text


@pytest.mark.parametrize("word", STOP_WORDS)
def test_full_width_letters_are_letters(word: str) -> None:
    """A Japanese keyboard writes STOP as well."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != " " else " " for letter in word)
    assert read(_options(), "", wide) == Sign("stop", word, by_plivo=False)


@pytest.mark.parametrize(
    "text",
    ["", "please stop the delivery", "STOP it", "don't STOP", "STOPP", "S T O P", "END of story", "?", "STOP/END"],
)
def test_only_whole_messages_count(text: str) -> None:
    """A sentence with such a word in it is nobody's opt-out."""
    assert read(_options(), "", text) is None


@pytest.mark.parametrize(("intent", "kind"), [("optout", "stop"), ("optin", "start"), ("help", "help")])
def test_intent_of_plivo_beats_the_words(intent: str, kind: Kind) -> None:
    """MessageIntent is Plivo's own reading, whatever the text is."""
    for mode in ("auto", "plivo", "self"):
        for text in ("hello", "STOP", "START", "HELP", ""):
            assert read(_options(mode), intent, text) == Sign(kind, intent, by_plivo=True)


def test_unknown_intent_says_nothing() -> None:
    """A value that Plivo may invent later is not read as one that we know."""
    assert read(_options(), "marketing", "hello") is None
    assert read(_options(), "marketing", "STOP") == Sign("stop", "STOP", by_plivo=False)


def test_more_words_and_words_not() -> None:
    """`words.stop` adds, `words.not` removes, both folded as texts are."""
    options = _options(without=("end", "Quit!"), stop=("ARRÊT", "fin de service"), help=("AIDE",))
    assert read(options, "", "arret.") == Sign("stop", "ARRET", by_plivo=False)
    assert read(options, "", "Fin de  Service") == Sign("stop", "FIN DE SERVICE", by_plivo=False)
    assert read(options, "", "aide") == Sign("help", "AIDE", by_plivo=False)
    assert read(options, "", "END") is None
    assert read(options, "", "quit") is None
    assert read(options, "", "STOP") == Sign("stop", "STOP", by_plivo=False)


def test_words_not_wins_over_more_words() -> None:
    """What the file removes stays removed."""
    assert read(_options(without=("ARRET",), stop=("ARRÊT",)), "", "ARRET") is None


def test_mode_off_reads_no_word() -> None:
    """`mode = "off"`: every word is the rules'; only Plivo's own HELP is kept from them."""
    for word in (*STOP_WORDS, *START_WORDS, *HELP_WORDS):
        assert read(_options("off"), "", word) is None
    assert read(_options("off"), "optout", "STOP") is None
    assert read(_options("off"), "optin", "START") is None
    assert read(_options("off"), "help", "HELP") == Sign("help", "help", by_plivo=True)


def test_mode_plivo_leaves_help_to_the_rules_unless_plivo_answered_it() -> None:
    """`mode = "plivo"`: a word HELP without MessageIntent was answered by nobody, so the rules may."""
    assert read(_options("plivo"), "", "HELP") is None
    assert read(_options("plivo"), "", "STOP") == Sign("stop", "STOP", by_plivo=False)


# What follows: the whole table

State = Literal["in", "out"]
SILENT = ("-", None)  # a verdict without change and text
RULES = None  # no verdict: an ordinary message
Expected = tuple[str, str | None] | None

# (mode, sign, by Plivo) -> what follows for a person who is in, and for one who is out; all signed
TABLE: dict[tuple[Mode, Kind | None, bool], tuple[Expected, Expected]] = {
    ("auto", None, False): (RULES, SILENT),
    ("auto", "stop", False): (("out", BYE), SILENT),
    ("auto", "stop", True): (("out", None), SILENT),
    ("auto", "start", False): (RULES, ("in", BACK)),
    ("auto", "start", True): (SILENT, ("in", None)),
    ("auto", "help", False): (("-", HELP), SILENT),
    ("auto", "help", True): (SILENT, SILENT),
    ("plivo", None, False): (RULES, SILENT),
    ("plivo", "stop", False): (("out", None), SILENT),
    ("plivo", "stop", True): (("out", None), SILENT),
    ("plivo", "start", False): (RULES, ("in", None)),
    ("plivo", "start", True): (SILENT, ("in", None)),
    ("plivo", "help", True): (SILENT, SILENT),
    ("self", None, False): (RULES, SILENT),
    ("self", "stop", False): (("out", BYE), SILENT),
    ("self", "stop", True): (("out", BYE), SILENT),
    ("self", "start", False): (RULES, ("in", BACK)),
    ("self", "start", True): (("-", BACK), ("in", BACK)),
    ("self", "help", False): (("-", HELP), SILENT),
    ("self", "help", True): (("-", HELP), SILENT),
    ("off", None, False): (RULES, RULES),
    ("off", "help", True): (SILENT, SILENT),
}


def _seen(verdict: Verdict | None) -> Expected:
    return (verdict.change or "-", verdict.text) if verdict else None


@pytest.mark.parametrize(("mode", "kind", "by_plivo"), TABLE)
@pytest.mark.parametrize("state", ["in", "out"])
def test_what_follows(mode: Mode, kind: Kind | None, by_plivo: bool, state: State) -> None:  # noqa: FBT001
    """Mode x sign x state: the change, who confirms it, and when the rules are asked."""
    sign = Sign(kind, kind.upper(), by_plivo) if kind else None
    verdict = judge(_options(mode), sign, out=state == "out", verified=True)
    assert _seen(verdict) == TABLE[mode, kind, by_plivo][state == "out"]
    assert verdict is None or verdict.reason


@pytest.mark.parametrize(("mode", "kind", "by_plivo"), TABLE)
@pytest.mark.parametrize("state", ["in", "out"])
def test_what_nobody_signed_changes_nothing(mode: Mode, kind: Kind | None, by_plivo: bool, state: State) -> None:  # noqa: FBT001
    """Law 1: in log-only mode a forged STOP silences nobody and a forged START wakes nobody; the rest is as ever."""
    sign = Sign(kind, kind.upper(), by_plivo) if kind else None
    verdict = judge(_options(mode), sign, out=state == "out", verified=False)
    signed = TABLE[mode, kind, by_plivo][state == "out"]
    assert _seen(verdict) == (SILENT if signed and kind in ("stop", "start") else signed)


def test_reasons_tell_the_word_and_the_state() -> None:
    """Law 10: the journal says which word, and that a second STOP was confirmed before."""
    options = _options()
    stop, start = Sign("stop", "ARRET", by_plivo=False), Sign("start", "START", by_plivo=False)
    told = [
        judge(options, stop, out=False, verified=True),
        judge(options, stop, out=True, verified=True),
        judge(options, start, out=True, verified=True),
        judge(options, None, out=True, verified=True),
        judge(options, stop, out=False, verified=False),
        judge(_options("off"), Sign("help", "help", by_plivo=True), out=False, verified=True),
    ]
    assert [verdict.reason for verdict in told if verdict] == [
        "ARRET",
        "ARRET, confirmed before",
        "START, back again",
        "this person has opted out",
        "ARRET, but nobody signed it, so it changes nothing",
        "Plivo answers HELP itself",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_reply_is_silence(kind: Kind) -> None:
    """`reply = { stop = "" }`: the opt-out counts, and nothing is said."""
    options = OptOutOptions("self", fold_words({}, ()), {**REPLIES, kind: ""})
    verdict = judge(options, Sign(kind, kind, by_plivo=False), out=kind == "start", verified=True)
    assert verdict is not None
    assert verdict.text is None


WORDS = st.sampled_from([*STOP_WORDS, *START_WORDS, *HELP_WORDS, "hello", ""]) | st.text(max_size=12)
INTENTS = st.sampled_from(["", "optout", "optin", "help", "junk"])
MESSAGES = st.lists(st.tuples(INTENTS, WORDS, st.booleans()), max_size=12)


@given(st.sampled_from(["auto", "plivo", "self"]), MESSAGES)
def test_after_an_opt_out_only_start_speaks(mode: Mode, messages: list[tuple[str, str, bool]]) -> None:
    """Law 9: message by message, a person who is out gets silence from every verdict but that of a signed START."""
    options, out = _options(mode), False
    for intent, text, verified in messages:
        sign = read(options, intent, text)
        verdict = judge(options, sign, out=out, verified=verified)
        if out and not (verified and sign and sign.kind == "start"):
            assert verdict is not None, "the rules would have been asked"
            assert (verdict.text, verdict.change) == (None, None)
        if verdict and verdict.change:
            assert verified
            assert sign
            assert (verdict.change, sign.kind) in {("out", "stop"), ("in", "start")}
            out = verdict.change == "out"
