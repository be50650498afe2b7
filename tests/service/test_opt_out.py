"""G9 from outside: no text after STOP, in every mode but "off", except one confirmation, until START."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import bot, plivo_sdk, process, wire
from support.command import Shell

CONFIG = (
    process.HEAD
    + """
[[routes]]
name = "auto"
to = "+33644600000"
text = "Answer."
[[routes]]
name = "plivo"
to = "+33644600001"
text = "Answer."
opt_out = { mode = "plivo" }
[[routes]]
name = "self"
to = "+33644600002"
text = "Answer."
opt_out = { mode = "self", reply = { stop = "Bye." } }
[[routes]]
name = "off"
to = "+33644600003"
text = "Answer."
opt_out = { mode = "off" }
[[routes]]
name = "two-numbers"
to = ["+33644600007", "+33644600008"]
text = "Answer."
[[routes]]
name = "once"
to = "+33644600004"
rules = ["once", "last"]
[[routes]]
name = "duty"
to = "+33644600005"
rules = "duty"
[[routes]]
name = "bot"
to = "+33644600006"
webhook = "{url}/sms"
[rules.once]
text = "Once."
cooldown = "1h"
cooldown_then = "pass"
[rules.last]
text = "Again."
[rules.duty]
forward = "+33612345678"
forward_text = "{from}: {text}"
text = "A person will answer."
"""
)
NUMBERS = {
    name: f"3364460000{last}"
    for last, name in enumerate(("auto", "plivo", "self", "off", "once", "duty", "bot", "one", "two"))
}
DUTY = "33612345678"
STOPPED, BACK, HELP = "You will get no more messages. START to resume.", "Welcome back.", "Reply STOP to end."
Said = tuple[str, str, str | None]  # text, MessageIntent, the answer


class House:
    """A service, and people who write to it."""

    def __init__(self, service: process.Served, asked: bot.Bot) -> None:
        self.service = service
        self.bot = asked

    def say(self, route: str, sender: str, text: str, intent: str = "") -> str | None:
        """The answer to a new message."""
        return say(self.service, route, sender, text, intent)


def say(service: process.Served, route: str, sender: str, text: str, intent: str = "") -> str | None:
    """The answer to a new message."""
    sent = wire.message(From=sender, To=NUMBERS[route], Text=text, MessageIntent=intent)
    return wire.answered(service, sent)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all."""
    with (
        bot.answering(lambda _call: (200, "The bot.")) as asked,
        process.served(tmp_path_factory.mktemp("opt-out"), CONFIG.replace("{url}", asked.url)) as service,
    ):
        yield House(service, asked)


@pytest.fixture
def shell(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Beside it."""
    return Shell(house.service.folder, monkeypatch, capsys)


def _talk(stop: str | None, start: str | None) -> list[Said]:
    """A word, then what a person says who has stopped."""
    return [
        ("hello", "", "Answer."),
        ("Stop!", "", stop),
        ("stop", "", None),
        ("hello", "", None),
        ("HELP", "", None),
        ("hello", "", None),
        ("start", "", start),
        ("hello", "", "Answer."),
        ("START", "", "Answer."),  # for who is not opted out it is a word like any other
    ]


def _intents(stop: str | None, start: str | None) -> list[Said]:
    """The same, said by Plivo; the text need not be a word of ours."""
    return [
        ("please no more", "optout", stop),
        ("hello", "", None),
        ("again: no more", "optout", None),
        ("I am back", "optin", start),
        ("hello", "", "Answer."),
    ]


@pytest.mark.parametrize(
    ("route", "talk"),
    [
        pytest.param("auto", _talk(STOPPED, BACK), id="auto: we confirm what Plivo did not"),
        pytest.param("auto", _intents(None, None), id="auto: Plivo has confirmed"),
        pytest.param("auto", [("HELP", "", HELP), ("what", "help", None), ("hello", "", "Answer.")], id="auto: help"),
        pytest.param("plivo", _talk(None, None), id="plivo: we never confirm"),
        pytest.param("plivo", _intents(None, None), id="plivo: by intent"),
        pytest.param("plivo", [("HELP", "", "Answer."), ("what", "help", None)], id="plivo: help"),
        pytest.param("self", _talk("Bye.", BACK), id="self: we always confirm"),
        pytest.param("self", _intents("Bye.", BACK), id="self: by intent too"),
        pytest.param("self", [("HELP", "", HELP), ("what", "help", HELP)], id="self: help"),
        pytest.param(
            "off",
            [
                ("STOP", "", "Answer."),
                ("no more", "optout", "Answer."),
                ("hello", "", "Answer."),
                ("HELP", "", "Answer."),
                ("what", "help", None),
            ],
            id="off: STOP is a word like any other; Plivo answers HELP itself",
        ),
    ],
)
def test_nothing_after_stop(house: House, route: str, talk: list[Said]) -> None:
    """Each mode: at most one confirmation, then nothing until START; MessageIntent counts like the word."""
    sender = wire.sender()
    assert [(text, intent, house.say(route, sender, text, intent)) for text, intent, _ in talk] == talk


@pytest.mark.parametrize(
    "text",
    [
        "STOP ALL",
        "unsubscribe",
        " opt  out ",
        "\uff33\uff34\uff2f\uff30",
        "\u00abStop\u00bb",
        "END",
        "cancel.",
        "OPT-OUT",
        "Opt\u2011out",
        "STOP-ALL",
        "STOP STOP",
        "STOP \U0001f6d1",
        "STOP=",
        '"STOP"',
        "S T O P",
        "ST\u00adOP",
        "\x00STOP\x1b",
        "STOP\ufffc",
        "\u2800STOP",
    ],
)
def test_ways_to_say_stop(house: House, text: str) -> None:
    """Only letters and digits matter, in any case and width; the whole message must be the word."""
    sender = wire.sender()
    assert house.say("auto", sender, f"{text} the delivery") == "Answer."
    assert house.say("auto", sender, text) == STOPPED


def test_scope_is_the_pair(house: House) -> None:
    """Who stopped one number still gets answers from another, also of the same route; and nobody else is stopped."""
    sender = wire.sender()
    assert house.say("one", sender, "STOP") == STOPPED
    assert house.say("two", sender, "hello") == "Answer."
    assert house.say("one", sender, "hello") is None
    assert house.say("auto", sender, "STOP") == STOPPED
    assert house.say("self", sender, "hello") == "Answer."
    assert house.say("auto", wire.sender(), "hello") == "Answer."


def test_repeat_of_stop_is_confirmed_with_the_same_bytes(house: House) -> None:
    """G3 and G9: Plivo's repeat of a STOP gets the one confirmation again; a new STOP gets none."""
    sender = wire.sender()
    params = wire.message(From=sender, To=NUMBERS["auto"], Text="STOP")
    first = wire.tell(house.service, params)
    assert wire.text_of(first[1]) == STOPPED
    assert wire.tell(house.service, params) == first
    assert house.say("auto", sender, "STOP") is None


def test_no_rule_is_asked_after_stop(house: House) -> None:
    """A bot hears nothing of a person who has stopped, and not the STOP itself."""
    sender = wire.sender()
    assert house.say("bot", sender, "hello") == "The bot."
    assert house.say("bot", sender, "STOP") == STOPPED
    assert house.say("bot", sender, "hello") is None
    assert house.say("bot", sender, "UNSTOP") == BACK
    assert house.say("bot", sender, "hello") == "The bot."
    said = [call.message["text"] for call in house.bot.calls if call.message["from"] == f"+{sender}"]
    assert said == ["hello", "hello"]


def test_row_is_the_proof(house: House) -> None:
    """The opt-out tells which message made it, its word, and which header signed that."""
    sender = wire.sender()
    params = wire.message(From=sender, To=NUMBERS["auto"], Text="unsub")
    assert wire.tell(house.service, params, scheme="Ma-V2")[0] == 200
    with closing(sqlite3.connect(house.service.folder / "autoreply.db")) as store:
        query = "SELECT number, message_uuid, word, signed_by, source, opted_out FROM opt_outs WHERE person = ?"
        (row,) = store.execute(query, (sender,)).fetchall()
    assert row == (NUMBERS["auto"], dict(params)["MessageUUID"], "UNSUB", "Ma-V2", "message", 1)


def test_forward_to_a_person_who_opted_out(house: House) -> None:
    """G9 holds for forwards: the colleague who has stopped gets nothing, the sender still does."""
    sent = wire.message(To=NUMBERS["duty"], Text="is anybody there")
    assert wire.tell(house.service, sent)[1].count(b"<Message ") == 2
    assert house.say("duty", DUTY, "STOP") == STOPPED
    params = wire.message(To=NUMBERS["duty"], Text="hello")
    _, xml = wire.tell(house.service, params)
    assert wire.text_of(xml) == "A person will answer."
    assert DUTY.encode() not in xml
    assert house.say("duty", DUTY, "START") == BACK


def test_forward_that_reaches_nobody_says_so(house: House) -> None:
    """Journal and log speak of who is really texted; nobody at all is a warning."""
    assert house.say("duty", DUTY, "STOP") == STOPPED
    params = wire.message(To=NUMBERS["duty"], Text="hello")
    uuid = dict(params)["MessageUUID"]
    assert wire.answered(house.service, params) == "A person will answer."
    (line,) = house.service.wait_for("answered", message_uuid=uuid)
    assert line["reason"] == "forwarded to nobody: all recipients have opted out"
    assert (line["messages"], line["recipients"]) == (1, 1)
    event = "message not sent: all recipients have opted out"
    (warning,) = house.service.wait_for(event, message_uuid=uuid, rule="duty")
    assert warning["level"] == "warning"
    assert house.say("duty", DUTY, "START") == BACK


SCOPES = (
    process.HEAD
    + """
[opt_out]
scope = "number"
[[routes]]
name = "shop"
to = ["+33644600000", "+33644600001"]
text = "Shop."
[[routes]]
name = "club"
to = "+33644600002"
text = "Club."
[[routes]]
name = "free"
to = "+33644600003"
rules = "borrowed"
opt_out = { mode = "off" }
[rules.borrowed]
text = "From the shop."
src = "+33644600000"
"""
)


@pytest.mark.parametrize(
    ("scope", "answers"),
    [("number", [None, "Shop.", "Club."]), ("route", [None, None, "Club."]), ("all", [None, None, None])],
)
def test_scope_of_an_opt_out(tmp_path: Path, scope: str, answers: list[str | None]) -> None:
    """STOP to one number silences it, its route, or all of them, and START to any of those ends it; mode "off" of a
    route frees none of another route's numbers that it borrows.
    """
    numbers = [f"3364460000{last}" for last in range(3)]

    with process.served(tmp_path, SCOPES.replace('scope = "number"', f'scope = "{scope}"')) as service:
        sender = wire.sender()

        def said(to: str, text: str) -> str | None:
            return wire.answered(service, wire.message(From=sender, To=to, Text=text))

        assert said(numbers[0], "STOP") == STOPPED
        assert [said(number, "hello") for number in numbers] == answers
        assert said("33644600003", "hello") is None
        silent = [number for number, answer in zip(numbers, answers, strict=True) if answer is None]
        assert said(silent[-1], "START") == BACK
        assert [said(number, "hello") for number in numbers] == ["Shop.", "Shop.", "Club."]
        assert said("33644600003", "hello") == "From the shop."


@pytest.mark.parametrize(
    ("one", "other"),
    [("5215512345678", "525512345678"), ("541112345678", "5491112345678"), ("5511987654321", "551187654321")],
)
def test_stop_of_one_form_of_a_number_holds_for_the_other(house: House, one: str, other: str) -> None:
    """Networks write one phone in two ways: Mexico, Argentina, Brazil."""
    assert house.say("auto", one, "STOP") == STOPPED
    assert [house.say("auto", form, "hello") for form in (other, one)] == [None, None]
    assert house.say("auto", other, "START") == BACK
    assert house.say("auto", one, "hello") == "Answer."


def test_log_only_changes_nothing(tmp_path: Path) -> None:
    """What nobody signed opts nobody out, and nobody in; a signed STOP does, in the same mode."""
    config = CONFIG.replace("[plivo]", '[plivo]\nsignature = "log-only"').replace("{url}", "http://127.0.0.1:9")
    with process.served(tmp_path, config) as service:

        def unsigned(sender: str, text: str) -> str | None:
            params = wire.message(From=sender, To=NUMBERS["auto"], Text=text)
            status, xml = process.call(service, "POST", "/message", params, {})
            assert status == 200
            return wire.text_of(xml)

        one, other = wire.sender(), wire.sender()
        assert unsigned(one, "STOP") is None
        assert unsigned(one, "hello") == "Answer."
        assert say(service, "auto", other, "STOP") == STOPPED
        assert unsigned(other, "START") is None
        assert unsigned(other, "hello") is None
        params = wire.message(From=one, To=NUMBERS["auto"], Text="no more", MessageIntent="optout")
        forged = plivo_sdk.headers("POST", f"{wire.PUBLIC}/message", params, token="another account's")
        assert process.call(service, "POST", "/message", params, forged)[0] == 200
        assert say(service, "auto", one, "hello") == "Answer."


def test_restart_forgets_nobody(tmp_path: Path) -> None:
    """Cooldowns and opt-outs hold after kill -9."""
    config = CONFIG.replace("{url}", "http://127.0.0.1:9")
    one, other = wire.sender(), wire.sender()
    with process.served(tmp_path, config) as service:
        assert [say(service, "once", one, "hello") for _ in range(2)] == ["Once.", "Again."]
        assert say(service, "auto", other, "STOP") == STOPPED
        service.kill()
    with process.served(tmp_path, config) as service:
        assert say(service, "once", one, "hello") == "Again."
        assert say(service, "once", other, "hello") == "Once."
        assert [say(service, "auto", other, text) for text in ("hello", "STOP", "START")] == [None, None, BACK]


def test_commands_are_seen_by_the_next_message(house: House, shell: Shell) -> None:
    """`optout add`, `remove`, `import` and `export` beside the running server: the next message knows."""
    one, other = wire.sender(), wire.sender()
    pair = ("--to", f"+{NUMBERS['auto']}", "--from", f"+{one}")
    assert shell("optout", "add", *pair).code == 0
    assert house.say("auto", one, "hello") is None
    (row,) = json.loads(shell("optout", "list", f"+{one}", "--json").out)
    assert (row["number"], row["person"], row["source"]) == (f"+{NUMBERS['auto']}", f"+{one}", "command")
    exported = shell("optout", "export").out
    assert shell("optout", "remove", *pair, "--yes").code == 0
    assert house.say("auto", one, "hello") == "Answer."
    both = f"{exported}{NUMBERS['auto']},{other},,,,,\n"
    (house.service.folder / "people.csv").write_text(both)
    assert shell("optout", "import", "people.csv").code == 0
    assert [house.say("auto", sender, "hello") for sender in (one, other)] == [None, None]
    assert [house.say("auto", sender, "START") for sender in (one, other)] == [BACK, BACK]


def test_forget_beside_the_server(house: House, shell: Shell) -> None:
    """`forget` erases what a person said and was told; the opt-out stays unless it is asked for too."""
    sender = wire.sender()
    assert house.say("once", sender, "hello") == "Once."
    assert house.say("once", sender, "STOP") == STOPPED
    assert shell("forget", f"+{sender}", "--yes").code == 0
    assert json.loads(shell("history", f"+{sender}", "--json").out) == []
    assert house.say("once", sender, "hello") is None
    assert shell("forget", f"+{sender}", "--also-opt-out", "--yes").code == 0
    assert house.say("once", sender, "hello") == "Once."  # its cooldown is forgotten too
    with closing(sqlite3.connect(house.service.folder / "autoreply.db")) as store:
        traces = store.execute("SELECT what FROM actions WHERE what LIKE 'forget%'").fetchall()
    assert len(traces) == 2
    assert not any(sender in what for (what,) in traces)
