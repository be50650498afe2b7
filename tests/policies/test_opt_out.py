"""G9, pure: what a message says of opting out, and what follows. After an opt-out nothing but START speaks."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policies.opt_out import (
    KINDS,
    Kind,
    Mode,
    OptOutDecision,
    OptOutSignal,
    RouteOptOut,
    decide,
    fold_words,
    read,
)

MODES: tuple[Mode, ...] = ("auto", "plivo", "self", "off")
BYE, BACK, HELP = (
    "You will get no more messages. START to resume.",
    "Welcome back.",
    "Reply STOP to end.",
)

# What Plivo publishes, written out once more
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


def _options(mode: Mode = "auto", without: tuple[str, ...] = (), **more: tuple[str, ...]) -> RouteOptOut:
    kinds: dict[Kind, tuple[str, ...]] = {kind: more.get(kind, ()) for kind in KINDS}
    return RouteOptOut(mode, words=fold_words(kinds, without))


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
    """The built-in words, however a phone writes them."""
    for text in (
        word,
        word.lower(),
        f" {word.title()}! ",
        f"\u201c{word}\u201d",
        f"{word}\u200b",
        word.replace("O", "Ó"),
    ):
        assert read(_options(), "", text) == OptOutSignal(kind, word, by_plivo=False), text


@pytest.mark.parametrize("word", STOP_WORDS)
def test_full_width_letters_are_letters(word: str) -> None:
    """A Japanese keyboard writes STOP as well."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != " " else " " for letter in word)
    assert read(_options(), "", wide) == OptOutSignal("stop", word, by_plivo=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please stop the delivery",
        "STOP it",
        "don't STOP",
        "STOPP",
        "the end",
        "END of story",
        "?",
        "STOP/END",
        "Stop & Shop",
        "STOP 2",
        "STOP, please",
        "non-stop",
        "\U0001f6d1",
        "S\u03a4OΠ",
    ],
)
def test_only_whole_messages_count(text: str) -> None:
    """A sentence with such a word in it is nobody's opt-out."""
    assert read(_options(), "", text) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("OPT-OUT", "OPT OUT"),
        ("Opt\u2011out", "OPT OUT"),
        ("opt_out", "OPT OUT"),
        ("stop-all", "STOP ALL"),
        ("Stop, all!", "STOP ALL"),
        ("stop\r\nall", "STOP ALL"),
        ("un-subscribe", "UNSUBSCRIBE"),
        ("STOP STOP", "STOP"),
        ("stop, stop! STOP", "STOP"),
        ("StopStop", "STOP"),
        ("STOP ALL STOP ALL", "STOPALL"),
        ("S T O P", "STOP"),
        ("S.T.O.P.", "STOP"),
        ("S-T-O-P", "STOP"),
        ("STOP=", "STOP"),
        ("=STOP", "STOP"),
        ('"STOP"', "STOP"),
        ("`stop`", "STOP"),
        ("$STOP+", "STOP"),
        ("<STOP>", "STOP"),
        ("~stop^", "STOP"),
        ("|STOP|", "STOP"),
        ("»STOP«", "STOP"),
        ("STOP\u2026", "STOP"),
        ("STOP \U0001f6d1", "STOP"),
        ("\U0001f620STOP\U0001f44e\U0001f3fd", "STOP"),
        ("STOP \u2122", "STOP"),
        ("\u2139\ufe0f STOP", "STOP"),
        ("ⓈⓉⓄⓅ", "STOP"),
        ("STOP\u20e3", "STOP"),
        ("STOP \U0001f1eb\U0001f1f7", "STOP"),
        ("STOP\u00b4", "STOP"),
    ],
)
def test_nothing_but_letters_and_digits_counts(text: str, word: str) -> None:
    """Punctuation, symbols, emoji and blanks change nothing, and a word said twice is that word."""
    assert read(_options(), "", text) == OptOutSignal("stop", word, by_plivo=False)


INVISIBLE = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA1))),  # C0, DEL, C1, no-break space
    "\u00ad",  # soft hyphen
    "\u034f",
    "\u115f",
    "\u1160",
    "\u17b4",
    "\u180e",
    "\u2000",
    "\u200b",
    "\u200d",
    "\u2028",
    "\u202e",
    "\u2060",
    "\u2065",
    "\u2800",  # an empty braille cell
    "\u3000",
    "\u3164",
    "\ufe0f",
    "\ufeff",
    "\uffa0",
    "\ufff9",
    "\ufffc",  # where an attachment stood
    "\ufffd",
    "\U0001d173",
    "\U000e0020",
    "\U000e01ef",
]


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda character: f"U+{ord(character):04X}")
def test_characters_that_cannot_be_seen_do_not_count(character: str) -> None:
    """Before, behind and inside the word."""
    for text in (f"{character}STOP", f"STOP{character}", f"ST{character}OP", f"{character * 3}stop{character * 3}"):
        assert read(_options(), "", text) == OptOutSignal("stop", "STOP", by_plivo=False)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ARRÊT", "arret="),
        ("ARRÊT", "A-R-R-E-T"),
        ("ARRÊT", "arrêt arrêt"),
        ("fin de service", "FinDeService"),
        ("fin de service", "fin-de-service!"),
        ("停止", "「停止」"),
        ("停止", "停 止 \U0001f6d1"),
        ("STOPP", "s.t.o.p.p"),
        ("रोकें", "रोकें!"),
        ("หยุด", "หยุด\u200b"),
        ("توقف", "توقف؟"),
        ("стоп", "СТОП="),
        ("DUR", "dur dur"),
        ("ÇIK", "ç\u0131k"),
        ("0", "\u0660"),
        ("HALT!", "halt"),
        ("\U0001f6d1", "\U0001f6d1"),
        ("\U0001f6d1", "\U0001f6d1\ufe0f \U0001f6d1"),
        ("\U0001f44e", "\U0001f44e\U0001f3ff"),
    ],
)
def test_configured_words_are_heard_likewise(word: str, text: str) -> None:
    """A word of the file, in any script, or an emoji, is found as the built-in ones are."""
    assert read(_options(), "", text) is None
    sign = read(_options(stop=(word,)), "", text)
    assert sign is not None
    assert sign.kind == "stop"


@pytest.mark.parametrize(("word", "text"), [("की", "का"), ("한", "하"), ("が", "か"), ("STOP IT", "STOP")])
def test_words_of_other_scripts_keep_their_marks(word: str, text: str) -> None:
    """Vowels and voicing are no decoration, and a phrase is not its first word."""
    sign = read(_options(stop=(word,), without=("STOP",)), "", text)
    assert sign is None


NO_LETTERS = st.characters(exclude_categories=["L", "M", "N", "Cs"])


@given(st.sampled_from(STOP_WORDS), st.data())
def test_any_decoration_leaves_an_opt_out_heard(word: str, data: st.DataObject) -> None:
    """Whatever stands around and between the letters, if it is no letter, mark or number itself."""
    text = "".join(data.draw(st.text(NO_LETTERS, max_size=2)) + letter for letter in word)
    text += data.draw(st.text(NO_LETTERS, max_size=3))
    sign = read(_options(), "", text)
    assert sign is not None
    assert sign.kind == "stop"


@pytest.mark.parametrize(("intent", "kind"), [("optout", "stop"), ("optin", "start"), ("help", "help")])
def test_intent_of_plivo_beats_the_words(intent: str, kind: Kind) -> None:
    """MessageIntent is Plivo's own reading, whatever the text is."""
    for mode in ("auto", "plivo", "self"):
        for text in ("hello", "STOP", "START", "HELP", ""):
            assert read(_options(mode), intent, text) == OptOutSignal(kind, intent, by_plivo=True)


def test_unknown_intent_says_nothing() -> None:
    """A value that Plivo may invent later is not read as one that we know."""
    assert read(_options(), "marketing", "hello") is None
    assert read(_options(), "marketing", "STOP") == OptOutSignal("stop", "STOP", by_plivo=False)


def test_more_words_and_words_not() -> None:
    """`words.stop` adds, `words.not` removes, both folded as texts are."""
    options = _options(without=("end", "Quit!"), stop=("ARRÊT", "fin de service"), help=("AIDE",))
    assert read(options, "", "arret.") == OptOutSignal("stop", "ARRET", by_plivo=False)
    assert read(options, "", "Fin de  Service") == OptOutSignal("stop", "FIN DE SERVICE", by_plivo=False)
    assert read(options, "", "aide") == OptOutSignal("help", "AIDE", by_plivo=False)
    assert read(options, "", "END") is None
    assert read(options, "", "quit") is None
    assert read(options, "", "STOP") == OptOutSignal("stop", "STOP", by_plivo=False)


def test_a_word_is_taken_away_however_it_is_spelt() -> None:
    """`not = ["OPT OUT"]`: the same word without its blank is gone, too."""
    options = _options(without=("opt-out",))
    assert [read(options, "", text) for text in ("OPT OUT", "optout", "Opt-Out")] == [None, None, None]


def test_words_not_wins_over_more_words() -> None:
    """What the file removes stays removed."""
    assert read(_options(without=("ARRET",), stop=("ARRÊT",)), "", "ARRET") is None


def test_mode_off_reads_no_word() -> None:
    """`mode = "off"`: every word is the rules'; only Plivo's own HELP is kept from them."""
    for word in (*STOP_WORDS, *START_WORDS, *HELP_WORDS):
        assert read(_options("off"), "", word) is None
    assert read(_options("off"), "optout", "STOP") is None
    assert read(_options("off"), "optin", "START") is None
    assert read(_options("off"), "help", "HELP") == OptOutSignal("help", "help", by_plivo=True)


def test_mode_plivo_leaves_help_to_the_rules_unless_plivo_answered_it() -> None:
    """`mode = "plivo"`: a word HELP without MessageIntent was answered by nobody, so the rules may."""
    assert read(_options("plivo"), "", "HELP") is None
    assert read(_options("plivo"), "", "STOP") == OptOutSignal("stop", "STOP", by_plivo=False)


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


def _seen(verdict: OptOutDecision | None) -> Expected:
    return (verdict.change or "-", verdict.text) if verdict else None


@pytest.mark.parametrize(("mode", "kind", "by_plivo"), TABLE)
@pytest.mark.parametrize("state", ["in", "out"])
def test_what_follows(mode: Mode, kind: Kind | None, by_plivo: bool, state: State) -> None:  # noqa: FBT001
    """Mode x sign x state: the change, who confirms it, and when the rules are asked."""
    sign = OptOutSignal(kind, kind.upper(), by_plivo) if kind else None
    verdict = decide(_options(mode), sign, out=state == "out", verified=True)
    assert _seen(verdict) == TABLE[mode, kind, by_plivo][state == "out"]
    assert verdict is None or verdict.reason


@pytest.mark.parametrize(("mode", "kind", "by_plivo"), TABLE)
@pytest.mark.parametrize("state", ["in", "out"])
def test_what_nobody_signed_changes_nothing(mode: Mode, kind: Kind | None, by_plivo: bool, state: State) -> None:  # noqa: FBT001
    """G1: in log-only mode a forged STOP silences nobody and a forged START wakes nobody; the rest is as ever."""
    sign = OptOutSignal(kind, kind.upper(), by_plivo) if kind else None
    verdict = decide(_options(mode), sign, out=state == "out", verified=False)
    signed = TABLE[mode, kind, by_plivo][state == "out"]
    assert _seen(verdict) == (SILENT if signed and kind in ("stop", "start") else signed)


def test_reasons_tell_the_word_and_the_state() -> None:
    """G10: the journal has the word, and the reason why a second STOP is not confirmed again."""
    options = _options()
    stop, start = OptOutSignal("stop", "ARRET", by_plivo=False), OptOutSignal("start", "START", by_plivo=False)
    told = [
        decide(options, stop, out=False, verified=True),
        decide(options, stop, out=True, verified=True),
        decide(options, start, out=True, verified=True),
        decide(options, None, out=True, verified=True),
        decide(options, stop, out=False, verified=False),
        decide(_options("off"), OptOutSignal("help", "help", by_plivo=True), out=False, verified=True),
    ]
    assert [verdict.reason for verdict in told if verdict] == [
        "ARRET",
        "ARRET: already opted out",
        "START: opted in again",
        "this person has opted out",
        "ARRET ignored: the request was not signed",
        "Plivo answers HELP itself",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_reply_is_silence(kind: Kind) -> None:
    """`reply = { stop = "" }`: the opt-out counts, and nothing is said."""
    options = RouteOptOut("self", replies={**RouteOptOut().replies, kind: ""})
    verdict = decide(options, OptOutSignal(kind, kind, by_plivo=False), out=kind == "start", verified=True)
    assert verdict is not None
    assert verdict.text is None


WORDS = st.sampled_from([*STOP_WORDS, *START_WORDS, *HELP_WORDS, "hello", ""]) | st.text(max_size=12)
INTENTS = st.sampled_from(["", "optout", "optin", "help", "junk"])
MESSAGES = st.lists(st.tuples(INTENTS, WORDS, st.booleans()), max_size=12)


@given(st.sampled_from(["auto", "plivo", "self"]), MESSAGES)
def test_after_an_opt_out_only_start_speaks(mode: Mode, messages: list[tuple[str, str, bool]]) -> None:
    """G9: message by message, a person who is out gets silence from every verdict but that of a signed START."""
    options, out = _options(mode), False
    for intent, text, verified in messages:
        sign = read(options, intent, text)
        verdict = decide(options, sign, out=out, verified=verified)
        if out and not (verified and sign and sign.kind == "start"):
            assert verdict is not None, "the rules would have been asked"
            assert (verdict.text, verdict.change) == (None, None)
        if verdict and verdict.change:
            assert verified
            assert sign
            assert (verdict.change, sign.kind) in {("out", "stop"), ("in", "start")}
            out = verdict.change == "out"
