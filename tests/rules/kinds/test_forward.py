"""Kind `forward`: the message goes to other phones, and perhaps a text to the sender."""

from dataclasses import replace

import pytest
from support import compiler

from app.plivo.messages import Outgoing
from app.rules.kinds.forward import ForwardOptions
from app.rules.outcome import Answers, Passes

ANNA, BEN = "33612345678", "33612345679"


async def test_message_goes_to_the_others_with_who_wrote_it() -> None:
    """Without more, they get "from: text"; the sender gets nothing."""
    verdict = await compiler.good(ForwardOptions(("+33612345678",)))(compiler.context("help {me}"))
    assert compiler.sent(verdict) == (Outgoing(compiler.US, (ANNA,), "+33700000001: help {me}"),)


async def test_several_people_get_one_message_and_nobody_twice() -> None:
    """All destinations share one message; a number that stands twice, in whatever form, counts once."""
    verdict = await compiler.good(ForwardOptions(("+33612345678", "+33 6 12 34 56 79", "33612345678")))(
        compiler.context()
    )
    sent = (Outgoing(compiler.US, (ANNA, BEN), "+33700000001: hello"),)
    assert verdict == Answers(sent, "forward to 2", forwards=True)


async def test_sender_may_get_a_text_too() -> None:
    """`forward_text` is for them, `text` for the sender, in this order."""
    rule = compiler.good(ForwardOptions(("+33612345678",), "{shop}: {text}", "Thanks, {from}."))
    assert compiler.sent(await rule(replace(compiler.context(), src="33644600009"))) == (
        Outgoing("33644600009", (ANNA,), "Roma: hello"),
        Outgoing("33644600009", (compiler.CUSTOMER,), "Thanks, +33700000001."),
    )


@pytest.mark.parametrize(("sender", "others"), [(ANNA, (BEN,)), (BEN, (ANNA,)), (compiler.CUSTOMER, (ANNA, BEN))])
async def test_sender_is_not_sent_their_own_words(sender: str, others: tuple[str, ...]) -> None:
    """Whoever is on the list and writes themselves is left out."""
    verdict = await compiler.good(ForwardOptions(("+33612345678", "+33612345679")))(compiler.context(sender=sender))
    assert compiler.sent(verdict)[0].dst == others


async def test_sender_is_known_in_another_form() -> None:
    """G8: a phone that networks write in two ways is not sent its own words, and neither is the number itself."""
    forward = compiler.good(ForwardOptions(("+525599990000", "+525512345678", "+33612345678")))
    asked = replace(compiler.context(sender="5215599990000"), src="5215512345678")
    assert compiler.sent(await forward(asked))[0].dst == (ANNA,)


@pytest.mark.parametrize("numbers", [("+33700000001",), ("+33644600000",), ("+33700000001", "+33644600000")])
async def test_nobody_to_forward_to_passes(numbers: tuple[str, ...]) -> None:
    """Forwarding to the sender or to the number itself would be a loop: the next rule is asked instead."""
    verdict = await compiler.good(ForwardOptions(numbers, text="Thanks."))(compiler.context())
    assert verdict == Passes("forward: no recipient other than the sender or the number itself")


async def test_number_that_answers_is_left_out_too() -> None:
    """With `src` the message would come from that number: it never texts itself."""
    verdict = await compiler.good(ForwardOptions(("+33612345678",)))(replace(compiler.context(), src=ANNA))
    assert isinstance(verdict, Passes)


async def test_empty_text_to_the_sender_is_left_out() -> None:
    """A text that comes out empty is no message; the forwarded one still goes."""
    verdict = await compiler.good(ForwardOptions(("+33612345678",), text="{rest}"))(compiler.context())
    assert [message.dst for message in compiler.sent(verdict)] == [(ANNA,)]


async def test_message_without_text_is_forwarded() -> None:
    """An empty SMS or a picture still tells that somebody wrote."""
    assert compiler.texts(await compiler.good(ForwardOptions(("+33612345678",)))(compiler.context(""))) == [
        "+33700000001: "
    ]


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (ForwardOptions(()), "forward"),
        (ForwardOptions(("mum",)), "forward"),
        (ForwardOptions(("+33612345678",), "{fron}"), "forward_text"),
        (ForwardOptions(("+33612345678",), ""), "forward_text"),
        (ForwardOptions(("+33612345678",), text="{"), "text"),
    ],
)
def test_each_fault_is_told_at_its_key(options: ForwardOptions, place: str) -> None:
    """What is wrong is told where it stands."""
    built = compiler.Bench()
    built.build(options)
    assert [where[0] for where, _ in built.told()] == [place]


def test_forward_may_pass() -> None:
    """Rules behind a forward can be reached, so they are not warned of."""
    assert not compiler.good(ForwardOptions(("+33612345678",))).always_answers
