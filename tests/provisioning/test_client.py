"""Plivo's REST API, asked as it wants to be asked; what it refuses is told in a sentence without a secret."""

import asyncio

import pytest
from support import plivo_sdk
from support.plivo_api import AUTH_ID, Failure, PlivoAccount
from support.provisioning import Naps

from app.http_client import HttpClient
from app.provisioning.client import PlivoApi, gather
from app.provisioning.errors import PlivoApiError
from app.provisioning.options import Account
from app.provisioning.values import AccountNumber, Application

NUMBER = "33644600000"


def fill(account: PlivoAccount, count: int) -> list[str]:
    """Give the account so many numbers."""
    numbers = [str(33_644_600_000 + index) for index in range(count)]
    for number in numbers:
        account.add_number(number)
    return numbers


async def test_an_application_as_plivo_shows_it(api: PlivoApi, account: PlivoAccount) -> None:
    """Fields come back as an update takes them; empty ones are left out, and a flag only stands if it is set."""
    app_id = account.add_application(
        "old", answer_url="https://a.example/", answer_method="GET", message_url="https://m.example/", public_uri=True
    )
    assert await api.applications() == (
        Application(
            app_id,
            "old",
            {
                "answer_url": "https://a.example/",
                "answer_method": "GET",
                "hangup_url": "https://a.example/",
                "hangup_method": "POST",
                "fallback_method": "POST",
                "message_url": "https://m.example/",
                "message_method": "POST",
                "log_incoming_messages": True,
                "public_uri": True,
            },
        ),
    )


async def test_a_number_as_plivo_shows_it(api: PlivoApi, account: PlivoAccount) -> None:
    """The application is known by the end of its URI; registrations are told as Plivo writes them."""
    app_id = account.add_application("old")
    account.add_number("15550100000", app_id, tendlc_registration_status="PROCESSING", tendlc_campaign_id="C1")
    account.add_number(
        "18005550100", None, number_type="tollfree", toll_free_sms_verification="UNVERIFIED", voice_enabled=False
    )
    assert await api.numbers() == {
        "15550100000": AccountNumber("15550100000", app_id, kind="local", ten_dlc="PROCESSING"),
        "18005550100": AccountNumber(
            "18005550100", None, receives_calls=False, kind="tollfree", toll_free="UNVERIFIED"
        ),
    }


@pytest.mark.parametrize("cursors", [False, True])
@pytest.mark.parametrize("count", [0, 1, 20, 21, 63])
async def test_lists_are_read_to_their_end(api: PlivoApi, account: PlivoAccount, count: int, *, cursors: bool) -> None:
    """Every page is read once, by offset or by cursor, whichever Plivo says."""
    account.cursors = cursors
    numbers = fill(account, count)
    assert list(await api.numbers()) == numbers
    assert len(account.calls) == max(1, -(-count // 20))


async def test_few_of_many_numbers_are_asked_for_one_by_one(api: PlivoApi, account: PlivoAccount) -> None:
    """Three numbers of an account with 200 cost four requests, not ten; one that is not there is no error."""
    numbers = fill(account, 200)
    found = await api.numbers([numbers[150], "15550100000", numbers[199]])
    assert list(found) == [numbers[150], numbers[199]]
    assert len(account.calls) == 4


async def test_no_number_is_no_request(api: PlivoApi, account: PlivoAccount) -> None:
    """A file with nothing but `*` asks for no number."""
    assert await api.numbers([]) == {}
    assert account.calls == []


async def test_the_official_sdk_calls_the_same_paths(api: PlivoApi, account: PlivoAccount) -> None:
    """Plivo's own client, as oracle: the same paths with the same slash, and bodies that hold what ours do."""
    from plivo.rest.client import Client  # noqa: PLC0415 - slow

    await api.create("mine", {"answer_url": "https://a.example/", "message_url": "https://m.example/"})
    (app_id,) = account.applications
    account.add_number(NUMBER)
    await api.link(NUMBER, app_id)
    await api.update(app_id, "mine", {"message_url": "https://n.example/"})
    ours = list(account.calls)
    account.calls.clear()
    sdk = Client(AUTH_ID, plivo_sdk.TOKEN)
    paths = [("Application",), ("Number", NUMBER), ("Application", app_id)]
    bodies = [call[2] for call in ours]
    requests = [sdk.create_request("POST", path, body) for path, body in zip(paths, bodies, strict=True)]
    shown = [(request.method, request.url.split(f"/{AUTH_ID}/")[1], request.body) for request in requests]
    assert [(method, f"{path}/") for method, path, _ in ours] == [(method, path) for method, path, _ in shown]
    assert all(request.headers["content-type"] == "application/json" for request in requests)


REFUSALS: dict[int, tuple[str, bool]] = {
    400: ('Plivo refuses the request (status 400). Plivo says: "as the test says"', False),
    401: ("Plivo refuses the credentials: [plivo] auth_id must be the id (MA.. or SA..)", True),
    403: ("Plivo forbids it: does the account have an IP allow-list", True),
    404: ("Plivo knows no such account (status 404): are [plivo] auth_id and api_url right?", True),
    409: ("Plivo refuses the request (status 409)", False),
    302: ("that is a redirect, and no answer of Plivo's API: is [plivo] api_url right?", True),
    500: ("Plivo has a problem of its own: see https://status.plivo.com", False),
    503: ("Plivo has a problem of its own", False),
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_a_sentence(api: PlivoApi, account: PlivoAccount, status: int) -> None:
    """What was being done, what happened, what to do; and whether it is the file that must change."""
    sentence, is_config = REFUSALS[status]
    account.failures.append(Failure("GET", "Application", status))
    with pytest.raises(PlivoApiError) as caught:
        await api.applications()
    assert str(caught.value).startswith("reading the applications: ")
    assert sentence in str(caught.value)
    assert (caught.value.status, caught.value.is_config) == (status, is_config)


async def test_a_wrong_token_is_not_repeated(account: PlivoAccount) -> None:
    """Neither the error nor the repr of the options holds the token."""
    options = Account(AUTH_ID, "hush-hush", account.url)
    async with HttpClient(connections=1, user_agent="test/1") as client:
        with pytest.raises(PlivoApiError, match=r"^reading the applications: Plivo refuses the credentials") as caught:
            await PlivoApi(options, client).applications()
    assert "hush-hush" not in str(caught.value) + repr(caught.value) + repr(options)


async def test_fewer_requests_are_made_when_plivo_asks_for_it(api: PlivoApi, account: PlivoAccount, naps: Naps) -> None:
    """A call that got 429 is made again after a pause, which Retry-After may make longer, but not endless."""
    waits = [{}, {"retry-after": "3"}, {"retry-after": "3600"}]
    account.failures += [Failure("GET", "Application", 429, headers=headers) for headers in waits]
    assert await api.applications() == ()
    assert naps.taken == [1.0, 3.0, 10.0]


async def test_plivo_may_go_on_asking_for_it(api: PlivoApi, account: PlivoAccount, naps: Naps) -> None:
    """After four tries over 7 s, longer than Plivo's window of 5 s, it is told."""
    account.failures.append(Failure("GET", "Application", 429, times=9))
    with pytest.raises(PlivoApiError, match="Plivo asks for fewer requests: wait a minute"):
        await api.applications()
    assert naps.taken == [1.0, 2.0, 4.0]


async def test_no_answer(api: PlivoApi, account: PlivoAccount) -> None:
    """A connection that breaks off is told as such; nothing is sent twice that may have been done."""
    account.failures.append(Failure("POST", "Application", 0))
    with pytest.raises(PlivoApiError, match=r'^creating application "x": no answer from Plivo: ') as caught:
        await api.create("x", {})
    assert (caught.value.status, caught.value.is_config) == (None, False)
    assert account.calls == []


STRANGE = (b"<html>", b"[]", b"{}", b'{"objects": 7}', b'{"objects": [{}]}', b'{"meta": 1, "objects": []}', b"[" * 9999)


@pytest.mark.parametrize("body", STRANGE)
@pytest.mark.parametrize("resource", ["applications", "numbers"])
async def test_an_answer_that_is_not_plivos(api: PlivoApi, account: PlivoAccount, body: bytes, resource: str) -> None:
    """Whatever else answers 200 at api_url is told apart from Plivo."""
    account.failures.append(Failure("GET", ".", 200, body=body))
    with pytest.raises(PlivoApiError, match=r"is not Plivo's REST API: is \[plivo\] api_url right\?") as caught:
        await getattr(api, resource)()
    assert caught.value.is_config
    assert account.url in str(caught.value)


async def test_a_list_that_does_not_end(api: PlivoApi, account: PlivoAccount) -> None:
    """A page that follows itself ends in an error, not in a loop."""
    page = b'{"meta": {"next": "/v1/x/?limit=20&offset=20"}, "objects": [{"number": "1"}]}'
    account.failures.append(Failure("GET", "Number", 200, times=99, body=page))
    with pytest.raises(PlivoApiError, match="is not Plivo's REST API"):
        await api.numbers()


async def test_created_without_an_id(api: PlivoApi, account: PlivoAccount) -> None:
    """An application whose id Plivo does not tell cannot be linked."""
    account.failures.append(Failure("POST", "Application", 201, body=b'{"message": "created"}'))
    with pytest.raises(PlivoApiError, match="is not Plivo's REST API"):
        await api.create("x", {})


async def test_a_slash_at_the_end_of_api_url_is_no_second_one(account: PlivoAccount) -> None:
    """api_url is taken with and without it."""
    async with HttpClient(connections=1, user_agent="test/1") as client:
        assert await PlivoApi(Account(AUTH_ID, account.token, f"{account.url}/"), client).applications() == ()


async def test_plivos_clock_is_known(api: PlivoApi) -> None:
    """The Date of an answer serves to compare clocks with."""
    assert api.server_time is None
    await api.applications()
    assert api.server_time is not None


async def test_calls_under_way_are_waited_for_after_an_error() -> None:
    """What Plivo may have done by then counts as done; no further call begins, and the first error is raised."""
    done: list[int] = []
    failed = asyncio.Event()

    async def call(item: int) -> None:
        if item == 4:
            failed.set()
            raise PlivoApiError("the first", 500)
        await failed.wait()
        await asyncio.sleep(0)
        done.append(item)

    with pytest.raises(PlivoApiError, match="the first"):
        await gather(range(20), call)
    assert done == [0, 1, 2, 3]
