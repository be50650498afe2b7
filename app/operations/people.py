"""Forget a person: erase every row of a number. The opt-out stays, unless it is asked for too."""

from collections.abc import Container
from dataclasses import dataclass, replace

from app.operations.addresses import ReadAddress, read_person
from app.operations.errors import OperationRefused
from app.operations.steps import step
from app.plivo.numbers import Reading
from app.store import Store, forgetting
from app.store import people as stored
from app.store.forgetting import Forget
from app.store.records import PersonalRows


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """Whom `forget` would erase, as it was read; how many rows of each kind, and reports that name them as sender."""

    person: Reading
    rows: PersonalRows
    strays: tuple[str, ...]
    also_opt_out: bool

    @property
    def total(self) -> int:
        """The number of rows; a server beside it may add some."""
        rows = self.rows.messages + self.rows.reports + self.rows.deliveries + self.rows.cooldowns + len(self.strays)
        return rows + (self.rows.opt_outs if self.also_opt_out else 0)


async def plan_forget(
    store: Store, text: str, read: ReadAddress, own: Container[str], *, also_opt_out: bool
) -> ForgetPlan:
    """Look up whom a text means and what is stored about them. `own` are our numbers in the configuration.

    Raises `OperationRefused` for one of our own numbers, or for what is no number; and `Unavailable`.
    """
    person = await read_person(store, text, read)
    if person.address in own or await stored.is_ours(store.engine, person.address):
        raise OperationRefused(f"{text} is one of your own numbers: give the number of a person")
    rows = await forgetting.count_rows(store.engine, person.address)
    strays = await forgetting.find_strays(store.engine, person.address)
    return ForgetPlan(person, rows, tuple(strays), also_opt_out)


async def forget(store: Store, who: str, plan: ForgetPlan) -> int:
    """Erase the rows of a person, from the store's files too; return their number. Raises `Unavailable`."""
    order = Forget(who, plan.person.address, plan.also_opt_out)
    strays, more = plan.strays, True
    while more:
        some, strays = strays[: forgetting.BATCH], strays[forgetting.BATCH :]
        async with step():
            count = await store.change(forgetting.forget, replace(order, strays=some))
        order = replace(order, done=order.done + count)
        more = bool(strays) or count >= forgetting.BATCH
    await store.erase()
    return order.done
