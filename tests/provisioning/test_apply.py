"""What is applied is what was planned; it can be repeated, broken off and undone, and touches nothing else."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plivo_api import AUTH_ID, Failure, PlivoAccount, plivo_api
from support.provisioning import NUMBERS, DictMemory, Naps, options

from app.http_client import HttpClient
from app.provisioning.apply import Progress, apply_plan, apply_undo
from app.provisioning.client import PlivoApi
from app.provisioning.options import Account, ProvisioningOptions
from app.provisioning.plan import Plan, Step, make_plan
from app.provisioning.undo import UndoPlan, UndoStep, plan_undo
from app.provisioning.values import AccountState

FIRST, SECOND, THIRD = NUMBERS
VOICE = {"answer_url": "https://a.example/", "answer_method": "GET", "hangup_url": "https://h.example/"}


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


async def plan(api: PlivoApi, wanted: ProvisioningOptions) -> Plan:
    """As `provision plan` makes it."""
    return make_plan(AccountState(await api.applications(), await api.numbers(wanted.numbers)), wanted)


async def apply(api: PlivoApi, memory: DictMemory, wanted: ProvisioningOptions) -> Progress[Step]:
    """As `provision apply` does it."""
    return await apply_plan(await plan(api, wanted), memory.former, api, memory, quiet)


async def undo(api: PlivoApi, memory: DictMemory) -> tuple[UndoPlan, Progress[UndoStep]]:
    """As `provision undo` does it."""
    found = plan_undo(AccountState(await api.applications(), await api.numbers()), memory.former)
    return found, await apply_undo(found, api, memory, quiet)


@pytest.fixture
def old(account: PlivoAccount) -> str:
    """An application that two numbers have; a third number has none."""
    app_id = account.add_application("old", **VOICE)
    account.add_number(FIRST, app_id)
    account.add_number(SECOND, app_id)
    account.add_number(THIRD)
    return app_id


async def test_there_and_back(api: PlivoApi, account: PlivoAccount, old: str) -> None:
    """Applied, Plivo is as the file wants; applied again, nothing is asked; undone, it is as it was."""
    before, memory = account.state(), DictMemory()
    assert (await apply(api, memory, options())).error is None
    (ours,) = set(account.applications) - {old}
    expected = account.applications[old] | {
        "app_name": "plivo-autoreply",
        "message_url": "https://sms.example.com/message",
    }
    assert account.applications[ours] == expected
    assert [account.numbers[number]["app_id"] for number in NUMBERS] == [ours, ours, None]
    account.calls.clear()
    assert (await plan(api, options())).steps == ()
    assert await apply(api, memory, options()) == Progress(())
    assert account.writes() == []
    found, progress = await undo(api, memory)
    assert (found.warnings, progress.lost, progress.error) == ((), (), None)
    assert account.state() == before
    assert memory == DictMemory()
    assert (await undo(api, memory))[1] == Progress(())


@pytest.mark.parametrize("default", [False, True])
async def test_a_number_without_an_application_is_named(
    api: PlivoApi, account: PlivoAccount, old: str, *, default: bool
) -> None:
    """Undo hands it over to the account's default application, if there is one, and says which number it was."""
    account.applications[old]["default_number_app"] = default
    before, memory = account.state(), DictMemory()
    await apply(api, memory, options(numbers=NUMBERS))
    found, progress = await undo(api, memory)
    assert found.lost == progress.lost == (THIRD,)
    after = account.state()
    assert after["numbers"].pop(THIRD)["app_id"] == (old if default else None)
    del before["numbers"][THIRD]
    assert after == before


@pytest.mark.parametrize("resets", [False, True])
async def test_an_application_that_was_there_before(api: PlivoApi, account: PlivoAccount, *, resets: bool) -> None:
    """Its own URLs come back; what the file does not own never changes, whichever way Plivo reads an update."""
    account.resets = resets
    ours = account.add_application(
        "plivo-autoreply", **VOICE, message_url="https://old.example/", message_method="GET", default_number_app=True
    )
    account.add_number(FIRST, ours)
    before, memory = account.state(), DictMemory()
    fields = dict(account.applications[ours])
    await apply(api, memory, options())
    await apply(api, memory, options(public_url="https://new.example.com"))
    assert account.applications[ours] == fields | {
        "message_url": "https://new.example.com/message",
        "message_method": "POST",
    }
    await undo(api, memory)
    assert account.state() == before


async def test_what_was_empty_becomes_empty_again(api: PlivoApi, account: PlivoAccount) -> None:
    """An application without a message_url has none again afterwards."""
    account.add_application("plivo-autoreply", **VOICE)
    before, memory = account.state(), DictMemory()
    await apply(api, memory, options())
    await undo(api, memory)
    assert account.state() == before


async def test_plivo_that_wants_an_answer_url(api: PlivoApi, account: PlivoAccount) -> None:
    """The documentation calls it required, the SDKs do not: where Plivo insists, its words are shown."""
    account.wants_answer_url = True
    account.add_number(FIRST)
    progress = await apply(api, DictMemory(), options())
    assert progress.error
    assert 'Plivo says: "answer_url is missing"' in str(progress.error)
    assert (progress.done, len(progress.left)) == ((), 2)
    assert (await apply(api, DictMemory(), options(answer_url="https://a.example/"))).error is None


STOPS = {
    "application refused": Failure("POST", "Application/$", 500),
    "application made, answer lost": Failure("POST", "Application/$", 0, after=True),
    "second number refused": Failure("POST", f"Number/{SECOND}/", 500),
    "second number linked, answer lost": Failure("POST", f"Number/{SECOND}/", 0, after=True),
}


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.usefixtures("old")
async def test_broken_off_and_run_again(api: PlivoApi, account: PlivoAccount, stop: str) -> None:
    """A failure says what was done and what was not; the next run finishes it; undo still leads back to the start."""
    before, memory = account.state(), DictMemory()
    account.failures.append(Failure(**vars(STOPS[stop])))
    progress = await apply(api, memory, options())
    assert progress.error
    assert progress.left
    assert len(progress.done) + len(progress.left) == 3
    assert (await apply(api, memory, options())).error is None
    assert (await plan(api, options())).steps == ()
    assert len(account.applications) == 2
    _, progress_back = await undo(api, memory)
    assert progress_back.error is None
    assert account.state() == before


BACK = {
    "number refused": Failure("POST", f"Number/{SECOND}/", 500),
    "number given back, answer lost": Failure("POST", f"Number/{SECOND}/", 0, after=True),
    "application not deleted": Failure("DELETE", "Application", 503),
    "application deleted, answer lost": Failure("DELETE", "Application", 0, after=True),
}


@pytest.mark.parametrize("stop", BACK)
@pytest.mark.usefixtures("old")
async def test_undo_broken_off_and_run_again(api: PlivoApi, account: PlivoAccount, stop: str) -> None:
    """What was given back is forgotten, what was not is remembered: the next run finishes it."""
    before, memory = account.state(), DictMemory()
    await apply(api, memory, options())
    account.failures.append(Failure(**vars(BACK[stop])))
    _, progress = await undo(api, memory)
    assert progress.error
    assert (await undo(api, memory))[1].error is None
    assert account.state() == before
    assert memory == DictMemory()


async def test_undo_after_a_creation_that_was_lost(api: PlivoApi, account: PlivoAccount, old: str) -> None:
    """An application whose id never reached us is found by its name."""
    before, memory = account.state(), DictMemory()
    account.failures.append(Failure("POST", "Application/$", 0, after=True))
    await apply(api, memory, options())
    assert set(account.applications) > {old}
    await undo(api, memory)
    assert account.state() == before


async def test_undo_leaves_what_others_did_since(api: PlivoApi, account: PlivoAccount, old: str) -> None:
    """A number that somebody linked elsewhere stays there; one that left the account is no error; both are told."""
    memory = DictMemory()
    await apply(api, memory, options())
    account.numbers[FIRST]["app_id"] = other = account.add_application("other")
    del account.numbers[SECOND]
    found, _ = await undo(api, memory)
    assert found.warnings == (
        "+33644600000 was linked elsewhere since; it stays so",
        "+33644600001 is no number of the account now",
    )
    assert account.numbers[FIRST]["app_id"] == other
    assert set(account.applications) == {old, other}
    assert memory == DictMemory()


@pytest.mark.usefixtures("old")
async def test_undo_keeps_an_application_that_others_use(api: PlivoApi, account: PlivoAccount) -> None:
    """Deleting it would silence a number that was linked to it by hand; it is named, and can be undone later."""
    memory = DictMemory()
    await apply(api, memory, options())
    (ours,) = [app_id for app_id, one in account.applications.items() if one["app_name"] == "plivo-autoreply"]
    account.numbers[THIRD]["app_id"] = ours
    found, _ = await undo(api, memory)
    assert found.warnings == ('application "plivo-autoreply" stays: +33644600002 are linked to it',)
    assert ours in account.applications
    account.numbers[THIRD]["app_id"] = None
    await undo(api, memory)
    assert ours not in account.applications


async def test_undo_when_the_former_application_is_gone(api: PlivoApi, account: PlivoAccount, old: str) -> None:
    """Its numbers cannot be given back, and are named."""
    memory = DictMemory()
    await apply(api, memory, options())
    del account.applications[old]
    _, progress = await undo(api, memory)
    assert sorted(progress.lost) == [FIRST, SECOND]
    assert account.applications == {}


async def test_a_trunk_gets_its_number_back(api: PlivoApi, account: PlivoAccount) -> None:
    """What is no XML application is remembered by its id, too."""
    account.trunks = ("trunk-7",)
    account.add_number(FIRST, "trunk-7")
    before, memory = account.state(), DictMemory()
    await apply(api, memory, options(numbers=(FIRST,), answer_url="https://a.example/"))
    _, progress = await undo(api, memory)
    assert (progress.lost, account.state()) == ((), before)


async def test_a_renamed_application(api: PlivoApi, account: PlivoAccount, old: str) -> None:
    """The file's application may change its name: undo leads back to the first one, and deletes both of ours."""
    before, memory = account.state(), DictMemory()
    await apply(api, memory, options())
    await apply(api, memory, options(application="second"))
    assert {one["app_name"] for one in account.applications.values()} == {"old", "plivo-autoreply", "second"}
    await undo(api, memory)
    assert account.state() == before
    assert account.numbers[FIRST]["app_id"] == old


async def test_many_numbers(api: PlivoApi, account: PlivoAccount) -> None:
    """Several pages and batches are applied and undone whole, and how far it is can be watched."""
    numbers = tuple(str(33_644_600_000 + index) for index in range(130))
    old = account.add_application("old", **VOICE)
    for number in numbers:
        account.add_number(number, old)
    before, memory, told = account.state(), DictMemory(), list[tuple[int, int]]()
    wanted = await plan(api, options(numbers=numbers))
    await apply_plan(wanted, memory.former, api, memory, lambda done, total: told.append((done, total)))
    assert told == [(1, 131), (51, 131), (101, 131), (131, 131)]
    assert (await plan(api, options(numbers=numbers))).linked == 130
    await undo(api, memory)
    assert account.state() == before


URLS = st.sampled_from(["https://a.example/", "https://b.example/"])
FIELDS: dict[str, Any] = {
    "answer_url": st.one_of(st.just(""), URLS),
    "answer_method": st.sampled_from(["GET", "POST"]),
    "hangup_url": URLS,
    "fallback_answer_url": st.one_of(st.just(""), URLS),
    "message_url": st.one_of(st.just(""), URLS),
    "message_method": st.sampled_from(["GET", "POST"]),
    "default_number_app": st.booleans(),
    "log_incoming_messages": st.booleans(),
}
APPLICATIONS = st.dictionaries(
    st.sampled_from(["plivo-autoreply", "a", "b", "c"]), st.fixed_dictionaries({}, optional=FIELDS), max_size=4
)
LINKS = st.dictionaries(st.sampled_from([*NUMBERS, "15550100000", "15550100001"]), st.integers(-1, 3), max_size=5)
WANTED = st.fixed_dictionaries(
    {
        "numbers": st.lists(st.sampled_from([*NUMBERS, "442071838750"]), unique=True).map(tuple),
        "answer_url": st.one_of(st.none(), URLS),
        "log_incoming_messages": st.booleans(),
    }
)
FLAGS = st.fixed_dictionaries({name: st.booleans() for name in ("resets", "cursors", "shows_log")})


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(APPLICATIONS, LINKS, WANTED, FLAGS)
async def test_any_account_there_and_back(
    applications: dict[str, Any], links: dict[str, int], wanted: dict[str, Any], flags: dict[str, bool]
) -> None:
    """plan, apply, plan: nothing is left. undo: all is as it was, but for the numbers that are named."""
    with plivo_api() as account:
        for name, value in flags.items():
            setattr(account, name, value)
        ids = [account.add_application(name, **fields) for name, fields in applications.items()]
        for number, place in links.items():
            account.add_number(number, ids[place] if 0 <= place < len(ids) else None)
        before, memory = account.state(), DictMemory()
        async with HttpClient(connections=5, user_agent="test/1") as client:
            api = PlivoApi(Account(AUTH_ID, account.token, account.url), client, Naps().sleep)
            if (await plan(api, options(**wanted))).errors:
                return
            assert (await apply(api, memory, options(**wanted))).error is None
            again = await plan(api, options(**wanted))
            assert (again.steps, again.errors) == ((), ())
            _, progress = await undo(api, memory)
        assert progress.error is None
        after = account.state()
        for number in progress.lost:
            del before["numbers"][number], after["numbers"][number]
        assert after == before
        assert memory == DictMemory()
