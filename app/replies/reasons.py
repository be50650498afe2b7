"""The reasons of silence, and the few kinds that statistics sort them into. Pure.

A reason is free text with details in it, so a kind is recognised by how its reasons begin or end. The kinds and their
order are what charts and the API show: change them with care.
"""

from typing import Literal, NamedTuple

from app.policies import limits, reactions
from app.rules.outcome import COOLDOWN

OPT_OUT = "opt_out"  # in place of the name of a rule

NO_ROUTE = "no route for this number, and no default route"
EVERY_RULE_PASSED = "every rule passed"
RULES_FAILED = "no rule answered, and at least one failed"
HAD_OPTED_OUT = "this person had opted out when the message arrived"
ALL_OPTED_OUT = ": all recipients have opted out"  # how a reason ends
SAME_TIME = f"{COOLDOWN}another message from this sender was answered at the same time"
CANNOT_BE_TEXTED = "; alphanumeric senders and the number itself cannot be texted"  # how a reason ends
WHATSAPP = "WhatsApp messages cannot be answered with Plivo XML"
OWN_NUMBER = "the sender is one of our own numbers, which would loop"

Silence = Literal[
    "opted out", "limit", "cooldown", "no route", "every rule passed", "cannot be texted", "reaction", "on purpose"
]


class Kind(NamedTuple):
    """A kind of silence, and its reasons: equal to `texts`, or with such a beginning or end."""

    name: Silence
    texts: tuple[str, ...] = ()
    beginning: str = ""
    end: str = ""


OPTED_OUT = Kind("opted out", (HAD_OPTED_OUT,), end=ALL_OPTED_OUT)  # and whatever `OPT_OUT` decided
ON_PURPOSE: Silence = "on purpose"  # what fits no other kind: a rule answered with no text
KINDS = (  # the first that fits
    OPTED_OUT,
    Kind("limit", beginning=limits.LIMIT),
    Kind("cooldown", beginning=COOLDOWN),
    Kind("no route", (NO_ROUTE,)),
    Kind("every rule passed", (EVERY_RULE_PASSED,)),
    Kind("cannot be texted", (WHATSAPP, OWN_NUMBER), end=CANNOT_BE_TEXTED),
    Kind("reaction", (reactions.PICTURE, reactions.QUOTES_OUR_REPLY)),
)
