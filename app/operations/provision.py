"""Bring Plivo's side to what the file wants, and back. The store remembers what Plivo had."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.http_client import USER_AGENT, BadEnvironment, HttpClient
from app.operations.errors import OperationFailed, OperationRefused
from app.provisioning.apply import Progress, Tell, apply_plan, apply_undo
from app.provisioning.client import CONCURRENCY, PlivoApi
from app.provisioning.errors import PlivoApiError
from app.provisioning.options import Account, ProvisioningOptions
from app.provisioning.plan import Plan, Step, make_plan
from app.provisioning.undo import Former, FormerApplication, UndoPlan, UndoStep, plan_undo
from app.provisioning.values import AccountState
from app.settings import PlivoSettings
from app.store import Store
from app.store.provisioned import (
    ForgetProvisioned,
    Provisioned,
    ProvisionedApplication,
    Remember,
    forget,
    provisioned,
    remember,
)


def account_of(plivo: PlivoSettings) -> Account:
    """Return the account that the file names. Raises `OperationRefused` if it names none."""
    if not plivo.auth_id:
        advice = 'auth_id = { env = "PLIVO_AUTH_ID" }; it is on the home page of Plivo\'s console'
        raise OperationRefused(f"[plivo] auth_id is missing: {advice}")
    return Account(plivo.auth_id, plivo.auth_tokens[0].secret, plivo.api_url)


def options_of(public_url: str, plivo: PlivoSettings, numbers: Collection[str]) -> ProvisioningOptions:
    """Return what the file wants. `numbers` are those of its routes."""
    return ProvisioningOptions(
        public_url, tuple(numbers), plivo.application, plivo.answer_url, plivo.log_incoming_messages
    )


@asynccontextmanager
async def plivo_api(account: Account) -> AsyncIterator[PlivoApi]:
    """Open a client of Plivo's REST API.

    Raises `OperationRefused` for what the file or the environment says wrongly, and `OperationFailed` for other errors.
    """
    try:
        async with HttpClient(connections=CONCURRENCY, user_agent=USER_AGENT) as client:
            yield PlivoApi(account, client)
    except BadEnvironment as error:
        raise OperationRefused(str(error)) from None
    except PlivoApiError as error:
        raise (OperationRefused if error.is_config else OperationFailed)(str(error)) from None


async def read_account(api: PlivoApi, numbers: Collection[str] | None) -> AccountState:
    """Read the applications, and these numbers; None: all numbers. Raises `PlivoApiError`."""
    return AccountState(await api.applications(), await api.numbers(numbers))


async def plan(account: Account, options: ProvisioningOptions) -> Plan:
    """Compare what Plivo has with what the file wants. Raises as `plivo_api` does."""
    async with plivo_api(account) as api:
        return make_plan(await read_account(api, options.numbers), options)


async def apply(account: Account, wanted: Plan, store: Store, who: str, tell: Tell) -> Progress[Step]:
    """Make the steps of a plan without errors; `tell` gets how many are done, of how many.

    Raises `Unavailable`. Errors of Plivo are part of the result.
    """
    memory = _StoreMemory(store, who, account.auth_id)
    async with plivo_api(account) as api:
        return await apply_plan(wanted, await memory.recall(), api, memory, tell)


async def undo_plan(account: Account, store: Store | None) -> UndoPlan:
    """Compare what Plivo has with what it had. Raises `Unavailable`, and as `plivo_api` does."""
    former = await _StoreMemory(store, "", account.auth_id).recall() if store else Former()
    if not former.applications and not former.numbers:
        return UndoPlan(())
    async with plivo_api(account) as api:
        return plan_undo(await read_account(api, None), former)


async def undo(account: Account, wanted: UndoPlan, store: Store, who: str, tell: Tell) -> Progress[UndoStep]:
    """Make the steps of an undo plan. Raises and returns as `apply` does."""
    async with plivo_api(account) as api:
        return await apply_undo(wanted, api, _StoreMemory(store, who, account.auth_id), tell)


@dataclass(frozen=True, slots=True)
class _StoreMemory:
    """What Plivo had, in the store."""

    store: Store
    who: str
    account: str

    async def recall(self) -> Former:
        """Read what was remembered of the account."""
        rows = await provisioned(self.store.engine, self.account)
        return Former(
            tuple(FormerApplication(one.name, one.app_id, one.fields) for one in rows.applications), rows.numbers
        )

    async def remember_application(self, one: FormerApplication) -> None:
        """Remember what an application was before."""
        await self._remember(Provisioned((ProvisionedApplication(one.name, one.app_id, one.fields),)))

    async def remember_numbers(self, numbers: Mapping[str, str | None]) -> None:
        """Remember what these numbers were linked to."""
        if numbers:
            await self._remember(Provisioned((), numbers))

    async def forget(self, numbers: Sequence[str], applications: Sequence[str]) -> None:
        """Remember no more of these."""
        if numbers or applications:
            await self.store.change(forget, ForgetProvisioned(self.who, self.account, applications, numbers))

    async def _remember(self, rows: Provisioned) -> None:
        await self.store.change(remember, Remember(self.who, self.account, rows))
