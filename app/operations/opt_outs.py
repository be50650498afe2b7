"""Opt-outs: list them with their proof, add and remove them. `opt_out_lists.py` imports and exports many."""

import time
from dataclasses import dataclass

from app.operations.addresses import ReadAddress, read_own, read_person, read_sender, spellings
from app.operations.cursors import cursor, position
from app.plivo.numbers import Reading, canonical
from app.policies.usage import Conversation, OptOutChange
from app.store import Store
from app.store import people as stored
from app.store.people import Changes
from app.store.records import OptOutRecord

__all__ = [
    "OptOutFilter",
    "OptOutPage",
    "OptOutPlan",
    "OptOutRecord",
    "change_opt_out",
    "list_opt_outs",
    "page_opt_outs",
    "plan_change",
]

_KIND = "optouts"


@dataclass(frozen=True, slots=True)
class OptOutPlan:
    """A person, one of our numbers, and whether the person is to be opted out of it, and is already.

    `others` are the further numbers of ours that the person has opted out of. By `[opt_out] scope` they may count too.
    """

    number: Reading
    person: Reading
    out: bool
    is_out: bool
    others: tuple[str, ...] = ()

    @property
    def conversation(self) -> Conversation:
        """The pair that the opt-out is about."""
        return Conversation(self.number.address, canonical(self.person.address))


@dataclass(frozen=True, slots=True)
class OptOutFilter:
    """A filter of opt-outs. None selects everything. Numbers are in any notation; `ended` adds past ones."""

    person: str | None = None
    number: str | None = None
    ended: bool = False


async def list_opt_outs(store: Store, who: str | None, read: ReadAddress, *, ended: bool) -> tuple[OptOutRecord, ...]:
    """List the opt-outs of a person or of one of our numbers (None: all), oldest first; with `ended` past ones, too.

    Raises `OperationRefused` for what is no number, and `Unavailable`.
    """
    address = (await read_person(store, who, read)).address if who is not None else None
    return tuple(await stored.list_opt_outs(store.engine, address, ended=ended))


@dataclass(frozen=True, slots=True)
class OptOutPage:
    """Opt-outs, oldest first, and the cursor of the next page; None after the last one."""

    opt_outs: tuple[OptOutRecord, ...]
    next: str | None


async def page_opt_outs(
    store: Store, which: OptOutFilter, read: ReadAddress, cursor_: str | None, limit: int
) -> OptOutPage:
    """Return a page of the opt-outs that pass a filter.

    Raises `OperationRefused` for what is no number or no cursor, and `Unavailable`.
    """
    start = position(_KIND, cursor_) or 0
    every = await _of_either(store, which, read)
    found: list[OptOutRecord] = []
    for place, one in enumerate(every[start:], start):  # an ended one keeps its place
        if len(found) == limit:
            return OptOutPage(tuple(found), cursor(_KIND, place))
        if which.ended or one.ended_at is None:
            found.append(one)
    return OptOutPage(tuple(found), None)


async def _of_either(store: Store, which: OptOutFilter, read: ReadAddress) -> list[OptOutRecord]:
    """Return the opt-outs of a person and of a number of ours, oldest first, those that have ended included."""
    people = [canonical(one) for one in spellings(which.person, read)] if which.person is not None else None
    numbers = spellings(which.number, read) if which.number is not None else None
    meant: list[str | None] = [*dict.fromkeys(people or numbers or ())] or [None]
    found = [one for who in meant for one in await stored.list_opt_outs(store.engine, who, ended=True)]
    theirs = [
        one for one in found if one.person in (people or [one.person]) and one.number in (numbers or [one.number])
    ]
    if not theirs:
        for text in (which.person, which.number):
            if text is not None:
                read_sender(text, read)
    return sorted(theirs, key=lambda one: one.at)


async def plan_change(store: Store | None, number: str, person: str, read: ReadAddress, *, out: bool) -> OptOutPlan:
    """Read a person and one of our numbers. `store` knows odd addresses and what is in force; None: there is none yet.

    Raises `OperationRefused` for what is no number, and `Unavailable`.
    """
    theirs, ours = await read_person(store, person, read), await read_own(store, number, read)
    in_force = await stored.list_opt_outs(store.engine, theirs.address, ended=False) if store else ()
    numbers = {record.number for record in in_force if record.person == canonical(theirs.address)}
    others = tuple(sorted(numbers - {ours.address}))
    return OptOutPlan(ours, theirs, out, is_out=ours.address in numbers, others=others)


async def change_opt_out(store: Store, who: str, plan: OptOutPlan) -> bool:
    """Opt a person out of one of our numbers, or in again; return whether that changed anything.

    Raises `Unavailable`.
    """
    change = OptOutChange(plan.conversation, plan.out, time.time(), None, who, "", "command")
    return bool(await store.change(stored.change, Changes(who, (change,))))
