"""Kind `text`: one text to the sender."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compiler

from app.plivo.messages import Outgoing
from app.rules.kinds.text import TextOptions
from app.rules.outcome import Answers


async def test_text_goes_to_the_sender_from_the_number_that_was_texted() -> None:
    """One message, from our number to whoever wrote."""
    verdict = await compiler.good(TextOptions("Got it."))(compiler.context())
    assert verdict == Answers((Outgoing(compiler.US, (compiler.CUSTOMER,), "Got it."),), "fixed text")


async def test_src_answers_from_another_number() -> None:
    """`src` changes who answers, not what {to} says."""
    verdict = await compiler.good(TextOptions("{to}"))(replace(compiler.context(), src="33644600009"))
    assert compiler.sent(verdict) == (Outgoing("33644600009", (compiler.CUSTOMER,), "+33644600000"),)


async def test_every_name_is_known() -> None:
    """Every name: numbers as people write them, the message, its route, the route's vars."""
    rule = compiler.good(TextOptions("{from}|{to}|{text}|{rest}|{route}|{message_uuid}|{shop}"))
    assert compiler.texts(await rule(compiler.context("hi"))) == [
        "+33700000001|+33644600000|hi||support|00000000-0000-0000-0000-000000000001|Roma"
    ]


async def test_short_codes_and_names_are_shown_bare() -> None:
    """Only a whole number gets a "+"."""
    rule = compiler.good(TextOptions("{from} {to}"))
    assert compiler.texts(await rule(compiler.context(sender="AMAZON", to="38010"))) == ["AMAZON 38010"]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_text_that_comes_out_empty_is_silence(text: str) -> None:
    """Plivo refuses an empty message, so none is sent and the reason says why."""
    assert await compiler.good(TextOptions("{text}"))(compiler.context(text)) == Answers(
        (), "fixed text; the text is empty"
    )


@given(st.text().filter(str.strip))
async def test_words_of_the_person_are_never_a_template(text: str) -> None:
    """What was texted comes back verbatim: no name in it is filled in, no brace is read."""
    assert compiler.texts(await compiler.good(TextOptions("<{text}>"))(compiler.context(text))) == [f"<{text}>"]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "an empty text sends nothing; to send nothing on purpose, write: silence = true"),
        (" \n", "an empty text sends nothing"),
        ("{form}", "{form} is not known; did you mean {from}?"),
        ("{zzz}", "{zzz} is not known; known here: from, message_uuid, rest, route, shop, text, to"),
        ("{text.upper}", "{text.upper} is not a plain name"),
        ("{", "write a literal brace twice: {{ or }}"),
    ],
)
def test_fault_of_a_text_is_told_with_help(source: str, part: str) -> None:
    """What is wrong with a text is known when the file is read."""
    built = compiler.Bench()
    built.build(TextOptions(source))
    ((place, message),) = built.told()
    assert place == ("text",)
    assert part in message


def test_name_of_another_route_is_told_with_the_route_that_lacks_it() -> None:
    """A rule that two routes share may only use what both know."""
    built = compiler.Bench(vars={"support": frozenset({"shop"}), "sales": frozenset()})
    built.build(TextOptions("{shop}"))
    ((_, message),) = built.told()
    assert "{shop} is not known in the vars of route sales" in message


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("Open Mon\u2013Fri", "column 9 ('\u2013', U+2013)"),
        ("\u2019tis open", "column 1 ('\u2019', U+2019)"),
        ("{shop} is open\U0001f600", "column 15 ('\U0001f600', U+1F600)"),
    ],
)
def test_character_that_costs_units_is_named_with_its_column(source: str, column: str) -> None:
    """One stray character more than halves a unit; the owner of the file hears which one."""
    built = compiler.Bench()
    built.build(TextOptions(source))
    ((place, message),) = built.told("warning")
    assert place == ("text",)
    assert message.startswith(column)


@pytest.mark.parametrize("source", ["Öffnungszeiten: 5\u20ac [~]", "Мы открыты", "営業中"])
def test_character_that_is_meant_is_not_warned_of(source: str) -> None:
    """GSM-7 has more than ASCII, and a text in another script needs its letters."""
    built = compiler.Bench()
    built.build(TextOptions(source))
    assert built.noted == []
