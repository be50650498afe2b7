"""A person: the opt-outs, the replies that limits count, and the newest messages."""

from dataclasses import dataclass

from app.operations.addresses import ReadAddress, read_sender, spellings
from app.operations.errors import OperationRefused
from app.operations.history import History, history
from app.plivo.numbers import canonical
from app.store import Store
from app.store import people as stored
from app.store.records import ReplyCount

DAY = 86400.0
NUMBERS = 1_000  # of ours that one person writes to


@dataclass(frozen=True, slots=True)
class Person:
    """A person by canonical number, with the opt-outs, those that have ended included; the replies of the last day, by
    our number; and the newest messages and the reports that belong to none, oldest first.
    """

    address: str
    history: History
    replies: tuple[ReplyCount, ...]


async def find_person(store: Store, text: str, read: ReadAddress, at: float, limit: int) -> Person:
    """Return what is stored about a person at a time (seconds since the epoch), which may be nothing.

    Raises `OperationRefused` for one of our numbers and for what is no number, and `Unavailable`.
    """
    found = await history(store, text, read, limit)
    meant = {canonical(one) for one in spellings(text, read)}
    if not found.is_empty and found.person not in meant:  # of people who wrote to a number of ours, or of a MessageUUID
        raise OperationRefused(f"{text} is one of your own numbers, or no number: give the number of a person")
    address = found.person or canonical(read_sender(text, read).address)
    return Person(address, found, tuple(await stored.list_counts(store.engine, at - DAY, NUMBERS, address)))
