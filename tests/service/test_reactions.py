"""Reactions from outside: a thumb for one of our answers gets none, whatever the rules say."""

import json
from collections.abc import Iterator

import pytest
from support import bot, process, wire

CONFIG = """
[[routes]]
name = "shop"
to = "+33644600000"
rules = ["menu", "ack"]
[[routes]]
name = "bot"
to = "+33644600001"
webhook = "{url}/sms"
[[routes]]
name = "answers"
to = "+33644600002"
text = "Got it."
limits = {{ reactions = "answer" }}
[[routes]]
name = "other-number"
to = "+33644600003"
rules = "elsewhere"
[rules.menu.keywords]
HOURS = "Open 9-18. Text PRICE for prices."
"* PRICE *" = "Price list: https://example.com/p"
[rules.ack]
text = "Got it."
[rules.elsewhere]
text = "From the shop."
src = "+33644600000"
"""
SHOP, BOT, ANSWERS, ELSEWHERE = (f"3364460000{last}" for last in range(4))
OPEN = "Open 9-18. Text PRICE for prices."
IGNORED = "a reaction that quotes our own answer"


class Phone:
    """Somebody who writes to the service."""

    def __init__(self, service: process.Served) -> None:
        self.service = service
        self.number = wire.sender()

    def say(self, to: str, text: str) -> str | None:
        """The answer to a new message."""
        return wire.answered(self.service, wire.message(From=self.number, To=to, Text=text))

    def reason(self, text: str) -> str:
        """Why a message got what it got, by `history`."""
        done = process.run("history", f"+{self.number}", "--json", cwd=self.service.folder)
        (reason,) = [row["reason"] for row in json.loads(done.stdout) if row["text"] == text]
        return str(reason)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[process.Served, bot.Bot]]:
    """A service and a webhook."""
    with (
        bot.answering(lambda _call: (200, "The bot.")) as asked,
        process.served(tmp_path_factory.mktemp("reactions"), process.HEAD + CONFIG.format(url=asked.url)) as service,
    ):
        yield service, asked


@pytest.fixture
def phone(running: tuple[process.Served, bot.Bot]) -> Phone:
    """Of somebody new."""
    return Phone(running[0])


@pytest.mark.parametrize(
    "reaction",
    [
        f"Liked \u201c{OPEN}\u201d",
        f'Loved "{OPEN}"',
        f"\U0001f44d to \u201c{OPEN}\u201d",
        f"Gef\u00e4llt \u201e{OPEN}\u201c",
        "Laughed at \u201cOpen 9-18. Text PRICE\u2026\u201d",
    ],
)
def test_reaction_to_our_answer_is_not_answered(phone: Phone, reaction: str) -> None:
    """The quoted PRICE is no request for prices."""
    assert phone.say(SHOP, "hours") == OPEN
    assert phone.say(SHOP, "thanks") == "Got it."
    assert phone.say(SHOP, reaction) is None
    assert phone.say(SHOP, "what is the PRICE") == "Price list: https://example.com/p"


def test_reason_stands_in_the_journal(phone: Phone) -> None:
    """Who wonders about the silence reads why."""
    assert [phone.say(SHOP, text) for text in ("hours", f"Liked \u201c{OPEN}\u201d")] == [OPEN, None]
    assert phone.reason(f"Liked \u201c{OPEN}\u201d") == IGNORED


def test_reaction_to_what_we_did_not_say_is_a_text(phone: Phone) -> None:
    """Nobody who quotes somebody else, another person's answer, or us in a question is left without an answer."""
    assert Phone(phone.service).say(SHOP, "hours") == OPEN
    assert phone.say(SHOP, f"Liked \u201c{OPEN}\u201d") == "Price list: https://example.com/p"
    assert phone.say(SHOP, "hours") == OPEN
    assert phone.say(SHOP, "Liked \u201cSee you at 6\u201d") == "Got it."
    assert phone.say(SHOP, f"What is \u201c{OPEN}\u201d?") == "Price list: https://example.com/p"


def test_reaction_to_a_picture_is_not_answered(phone: Phone) -> None:
    """No answer of ours is a picture, and nobody reacts to one to be answered."""
    assert phone.say(SHOP, "Laughed at an image") is None
    assert phone.reason("Laughed at an image") == "a reaction to a picture"


def test_webhook_is_not_asked_for_a_reaction(phone: Phone, running: tuple[process.Served, bot.Bot]) -> None:
    """What we sent is known before the call is made."""
    assert phone.say(BOT, "hello") == "The bot."
    assert phone.say(BOT, "Loved \u201cThe bot.\u201d") is None
    assert phone.reason("Loved \u201cThe bot.\u201d") == IGNORED
    asked = [call.message["text"] for call in running[1].calls if call.message["from"] == f"+{phone.number}"]
    assert asked == ["hello"]


def test_answer_from_another_number_is_ours(phone: Phone) -> None:
    """`src`: the reaction comes to the number that texted."""
    assert phone.say(ELSEWHERE, "hello") == "From the shop."
    assert phone.say(SHOP, "Liked \u201cFrom the shop.\u201d") is None


def test_reactions_may_be_answered(phone: Phone) -> None:
    """`reactions = "answer"` of a route: a text like any other."""
    said = [phone.say(ANSWERS, text) for text in ("hello", "Liked \u201cGot it.\u201d", "Loved an image")]
    assert said == ["Got it."] * 3
