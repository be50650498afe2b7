"""Plivo's view: the application, and whether each number leads here and can send.

What a number may send is known for US local numbers (10DLC) and toll-free numbers. Short codes, registrations in other
countries, geo permissions and credit are not part of Plivo's number API.
https://www.plivo.com/docs/numbers/api/account-phone-number
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from app.operations.doctor.page import check_clock
from app.operations.doctor.values import Check, Level, ok, warning
from app.operations.errors import OperationFailed, OperationRefused
from app.operations.provision import account_of, options_of, plivo_api, read_account
from app.plivo.numbers import kind_of
from app.provisioning.options import ProvisioningOptions
from app.provisioning.plan import UpdateApplication, make_plan
from app.provisioning.values import AccountNumber, AccountState
from app.provisioning.voice import named_numbers
from app.rules.table import Table
from app.settings import PlivoSettings

PLAN = "run: plivo-autoreply provision plan"


class Finding(NamedTuple):
    """What is to be said of a number; numbers of which the same is said share a check."""

    level: Level
    message: str
    advice: str


async def check_account(public_url: str, plivo: PlivoSettings, table: Table, clock: Callable[[], float]) -> list[Check]:
    """Ask Plivo, if the file names the account."""
    if not plivo.auth_id:
        return [ok("plivo", "is not asked: [plivo] auth_id is not in the file")]
    options = options_of(public_url, plivo, table.by_number)
    try:
        async with plivo_api(account_of(plivo)) as api:
            state = await read_account(api, None if table.default else options.numbers)
            server_time = api.server_time
    except (OperationFailed, OperationRefused) as failure:
        return [Check("plivo", "error", str(failure))]
    return [
        check_clock("plivo's clock", "the Date header of Plivo", server_time, clock()),
        *check_application(state, options),
        *check_numbers(state, options, everything=table.default is not None),
    ]


def check_application(state: AccountState, options: ProvisioningOptions) -> Iterator[Check]:
    """Compare the application with what the file wants."""
    name, plan = f'application "{options.application}"', make_plan(state, options)
    others = [one.name for one in state.applications if one.fields.get("message_url") == options.message_url]
    changes = [change for step in plan.steps if isinstance(step, UpdateApplication) for change in step.changes]
    if plan.app_id is None and plan.steps and others:
        advice = f'set [plivo] application = "{others[0]}"'
        yield warning("application", f'calls come by application "{others[0]}", not by {name}', advice)
    elif plan.app_id is None:
        what = plan.errors[0] if plan.errors and not plan.steps else f"there is no {name}"
        yield Check("application", "error", what, PLAN)
    elif changes:
        level: Level = "error" if any(change.name.startswith("message_") for change in changes) else "warning"
        shown = "; ".join(f"{one.name} is {one.old or 'not set'}, not {one.new}" for one in changes)
        yield Check("application", level, f"{name}: {shown}", PLAN)
    else:
        yield ok("application", f"{name} calls {options.message_url}")


def check_numbers(state: AccountState, options: ProvisioningOptions, *, everything: bool) -> Iterator[Check]:
    """Report numbers by what is to be said of them. `everything`: those that lead here without a route, too."""
    ours = {one.app_id for one in state.applications if one.fields.get("message_url") == options.message_url}
    leading = [number for number, one in state.numbers.items() if everything and one.app_id in ours]
    wanted = list(dict.fromkeys([*options.numbers, *leading]))
    findings: dict[Finding, list[str]] = {}
    fine = []
    for number in wanted:
        found = list(_findings(number, state, ours))
        for finding in found:
            findings.setdefault(finding, []).append(number)
        if not found:
            fine.append(number)
    for finding, numbers in findings.items():
        yield Check("numbers", finding.level, f"{named_numbers(numbers)}: {finding.message}", finding.advice)
    if fine:
        yield ok("numbers", f"{named_numbers(fine)}: linked, and nothing known that would keep it from sending")


def _findings(number: str, state: AccountState, ours: Collection[str]) -> Iterator[Finding]:
    one = state.numbers.get(number)
    if one is None:
        if kind_of(number) != "short-code":
            advice = "is [plivo] auth_id the id of the account that owns it?"
            yield Finding("warning", "not among the numbers of this Plivo account", advice)
        return
    if one.app_id is None or one.app_id not in ours:
        application = state.application(one.app_id)
        where = f'application "{application.name}"' if application else one.app_id or "no application"
        yield Finding("error", f"messages do not come here: it is linked to {where}", PLAN)
    if not one.receives_sms:
        yield Finding("error", "it cannot receive SMS", "rent a number with SMS, or take it out of the routes")
    yield from _registrations(one)


_TEN_DLC = "link it to a 10DLC campaign in Plivo's console; US carriers block local numbers without one"
_TOLL_FREE = "have it verified in Plivo's console; carriers in the US and Canada block other toll-free traffic"
_STATES: Mapping[str, Level | None] = {  # of a registration; None: nothing to say
    "COMPLETED": None,
    "REGISTERED": None,
    "VERIFIED": None,
    "PROCESSING": "warning",
    "IN_PROGRESS": "warning",
    "PENDING": "warning",
    "PENDING_VERIFICATION": "warning",
    "UNREGISTERED": "error",
    "UNVERIFIED": "error",
}


def _registrations(one: AccountNumber) -> Iterator[Finding]:
    for what, state, advice in (
        ("10DLC", one.ten_dlc, _TEN_DLC),
        ("toll-free verification", one.toll_free, _TOLL_FREE),
    ):
        if state and (level := _STATES.get(state.upper(), "warning")):
            yield Finding(level, f"{what}: {state.lower().replace('_', ' ')}", advice)
