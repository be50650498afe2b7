"""The console's phone: text the rules in force, as anybody without effects, or live as a test sender."""

from app.operations.phone.live import live_conversation, live_senders, text_live
from app.operations.phone.rehearsal import CHARACTERS, TURNS, rehearse
from app.operations.phone.values import Said, Turn

__all__ = ["CHARACTERS", "TURNS", "Said", "Turn", "live_conversation", "live_senders", "rehearse", "text_live"]
