"""The console's phone: text the rules in force, as anybody without effects, or live as a test sender."""

from app.operations.phone.live import live_conversation, live_senders, text_live
from app.operations.phone.numbers import calling_rules_of, own_numbers, takes_any_number
from app.operations.phone.rehearsal import CHARACTERS, TURNS, rehearse
from app.operations.phone.units import units_in_words
from app.operations.phone.values import Incoming, Turn

__all__ = [
    "CHARACTERS",
    "TURNS",
    "Incoming",
    "Turn",
    "calling_rules_of",
    "live_conversation",
    "live_senders",
    "own_numbers",
    "rehearse",
    "takes_any_number",
    "text_live",
    "units_in_words",
]
