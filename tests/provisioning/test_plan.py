"""What has to change at Plivo is told before it changes: each step, each warning, and what stands in the way."""

from typing import Any

import pytest
from support.provisioning import NUMBERS, options

from app.provisioning.plan import CreateApplication, FieldChange, LinkNumber, Plan, UpdateApplication, make_plan
from app.provisioning.values import AccountNumber, AccountState, Application

FIRST, SECOND, _ = NUMBERS
OURS: dict[str, str | bool] = {
    "message_url": "https://sms.example.com/message",
    "message_method": "POST",
    "log_incoming_messages": True,
}
VOICE: dict[str, str | bool] = {"answer_url": "https://a.example/", "answer_method": "GET"}
OTHER = {"answer_url": "https://b.example/", "answer_method": "POST"}


def application(app_id: str, name: str, **fields: Any) -> Application:
    """An application as Plivo shows it."""
    return Application.read({"app_id": app_id, "app_name": name, **fields})


def state(applications: list[Application], numbers: dict[str, str | None], **attributes: Any) -> AccountState:
    """An account: number -> id of its application."""
    found = {number: AccountNumber(number, app_id, **attributes) for number, app_id in numbers.items()}
    return AccountState(tuple(applications), found)


def plan(has: AccountState, **wanted: Any) -> Plan:
    """The plan of a file with two numbers."""
    return make_plan(has, options(**wanted))


def test_a_first_plan() -> None:
    """The application is created with the voice URLs that the numbers had, and both are linked."""
    found = plan(state([application("1", "old", **VOICE)], {FIRST: "1", SECOND: "1"}))
    assert found == Plan(
        "plivo-autoreply",
        None,
        (
            CreateApplication("plivo-autoreply", OURS | VOICE),
            LinkNumber(FIRST, "plivo-autoreply", "1", "old"),
            LinkNumber(SECOND, "plivo-autoreply", "1", "old"),
        ),
        linked=0,
    )


def test_nothing_to_do() -> None:
    """An application that is as the file wants, with its numbers, gives no step."""
    has = state([application("9", "plivo-autoreply", **OURS, **VOICE)], {FIRST: "9", SECOND: "9"})
    assert plan(has) == Plan("plivo-autoreply", "9", (), linked=2)


def test_only_what_differs_is_changed() -> None:
    """A change names old and new; all other fields are sent as they are."""
    fields = {
        **OURS,
        **VOICE,
        "message_url": "http://old.example/",
        "hangup_url": "https://h.example/",
        "default_app": True,
    }
    found = plan(state([application("9", "plivo-autoreply", **fields)], {FIRST: "9"}), numbers=(FIRST,))
    (step,) = found.steps
    assert isinstance(step, UpdateApplication)
    assert step.changes == (FieldChange("message_url", "http://old.example/", "https://sms.example.com/message"),)
    hangup = {"hangup_url": "https://h.example/", "default_number_app": True}
    assert step.fields == {**OURS, **VOICE, **hangup}


def test_star_links_nothing() -> None:
    """A file whose only route is `*` has an application, and moves no number."""
    found = plan(state([application("1", "old", **VOICE)], {FIRST: "1"}), numbers=())
    assert [type(step) for step in found.steps] == [CreateApplication]


def test_different_voice_urls_need_an_answer_url() -> None:
    """Where calls are handled differently, the plan says how, and cannot be applied."""
    found = plan(state([application("1", "a", **VOICE), application("2", "b", **OTHER)], {FIRST: "1", SECOND: "2"}))
    assert found.warnings == (
        'calls are handled differently (application "a": https://a.example/; application "b": https://b.example/)',
    )
    (error,) = found.errors
    assert error.startswith(
        "the numbers have different voice URLs: say in the file which one counts: [plivo] answer_url"
    )


def test_the_files_answer_url_decides() -> None:
    """With `[plivo] answer_url` it can be applied; whose calls will go elsewhere is told."""
    has = state([application("1", "a", **VOICE), application("2", "b", **OTHER)], {FIRST: "1", SECOND: "2"})
    found = plan(has, answer_url="https://b.example/")
    assert found.errors == ()
    assert found.warnings == (
        'calls to +33644600000 go to https://a.example/ (application "a"); they will go to https://b.example/',
    )
    assert found.steps[0] == CreateApplication("plivo-autoreply", OURS | {"answer_url": "https://b.example/"})


@pytest.mark.parametrize(
    "fields",
    [
        {"answer_url": "https://a.example/"},
        {"answer_url": "https://a.example/", "answer_method": "POST", "fallback_method": "GET"},
        {"answer_url": "https://a.example/", "hangup_url": "https://a.example/", "fallback_answer_url": ""},
    ],
)
def test_defaults_are_no_difference(fields: dict[str, str]) -> None:
    """A method without a URL, a default that Plivo writes out, and a hangup_url that is the answer_url say nothing."""
    two = [
        application("1", "a", answer_url="https://a.example/", answer_method="POST"),
        application("2", "b", **fields),
    ]
    found = plan(state(two, {FIRST: "1", SECOND: "2"}))
    assert (found.warnings, found.errors) == ((), ())


def test_numbers_without_calls_do_not_matter() -> None:
    """What happens to calls is no question for numbers that take none."""
    two = [application("1", "a", **VOICE), application("2", "b", **OTHER)]
    assert plan(state(two, {FIRST: "1", SECOND: "2"}, receives_calls=False)).errors == ()


def test_a_trunk_cannot_be_compared() -> None:
    """A number that leads to something else than an XML application keeps its calls, unless the file says otherwise."""
    has = state([], {FIRST: "trunk-7"})
    assert plan(has, numbers=(FIRST,)).errors
    found = plan(has, numbers=(FIRST,), answer_url="https://a.example/")
    assert found.errors == ()
    assert found.warnings == (
        "calls to +33644600000 go to nobody (trunk-7, which is no XML application); they will go to https://a.example/",
    )


def test_a_number_joins_an_application_with_other_calls() -> None:
    """An application that has numbers already keeps its voice URLs; a number that had others is told."""
    ours = application("9", "plivo-autoreply", **OURS, **VOICE)
    assert plan(state([ours, application("1", "a", **OTHER)], {FIRST: "9", SECOND: "1"})).errors
    assert plan(state([ours, application("1", "a", **VOICE)], {FIRST: "9", SECOND: "1"})).errors == ()


def test_an_application_that_nothing_uses_takes_the_numbers_voice() -> None:
    """One that was made for messages only gets the voice URLs of its first numbers."""
    found = plan(state([application("9", "plivo-autoreply", **OURS), application("1", "a", **VOICE)], {FIRST: "1"}))
    assert isinstance(found.steps[0], UpdateApplication)
    assert {one.name: one.new for one in found.steps[0].changes} == VOICE


def test_numbers_without_an_application() -> None:
    """Where nothing is copied, the plan says that calls are not answered; else, where they will go."""
    found = plan(state([], {FIRST: None, SECOND: None}))
    assert found.errors == ()
    assert found.warnings == (
        (
            "calls to +33644600000, +33644600001 are not answered: the application has no answer_url; "
            "if they shall be, set [plivo] answer_url"
        ),
    )
    found = plan(state([application("1", "a", **VOICE)], {FIRST: None, SECOND: "1"}))
    assert found.warnings == ("calls to +33644600000, without an application until now, will go to https://a.example/",)


def test_numbers_of_somebody_else() -> None:
    """Numbers of the routes that the account does not have are told, the first few by name; short codes apart."""
    numbers = (*(str(33_644_600_000 + index) for index in range(5)), "12345")
    found = plan(state([], {}), numbers=numbers)
    assert [type(step) for step in found.steps] == [CreateApplication]
    assert found.warnings == (
        (
            "not among the numbers of this Plivo account: +33644600000, +33644600001, +33644600002 and 2 more; "
            "is [plivo] auth_id the id of the account that owns them?"
        ),
        "not among the numbers of this Plivo account: 12345; ask Plivo's support to link a short code",
    )


def test_two_applications_of_one_name() -> None:
    """Which one is meant cannot be known, so nothing is done."""
    found = plan(state([application("1", "plivo-autoreply"), application("2", "plivo-autoreply")], {FIRST: "1"}))
    assert found.steps == ()
    assert found.errors == (
        '2 applications are called "plivo-autoreply" (1, 2): rename all but one in Plivo\'s console',
    )


def test_an_application_that_was_made_by_hand() -> None:
    """One with our message_url under another name is pointed out, for nobody wants two."""
    found = plan(state([application("1", "sms", **OURS, **VOICE)], {FIRST: "1", SECOND: "1"}))
    assert found.warnings == (
        'application "sms" has this message_url already; to use that one, set [plivo] application = "sms"',
    )
    assert (
        plan(state([application("1", "sms", **OURS, **VOICE)], {FIRST: "1", SECOND: "1"}), application="sms").steps
        == ()
    )


def test_texts_that_plivo_did_not_log() -> None:
    """Nobody's texts get into Plivo's log without a word."""
    private = {**VOICE, "log_incoming_messages": False}
    found = plan(state([application("1", "a", **private)], {FIRST: "1", SECOND: "1"}))
    told = "Plivo will log the texts that come to +33644600000, +33644600001; to keep them out of its log, set [plivo] "
    assert found.warnings == (f"{told}log_incoming_messages = false",)
    has = state([application("1", "a", **private)], {FIRST: "1", SECOND: "1"})
    assert plan(has, log_incoming_messages=False).warnings == ()


def test_a_flag_that_plivo_does_not_show() -> None:
    """An API that does not tell log_incoming_messages gives no difference that could never be settled."""
    shown = {name: value for name, value in OURS.items() if name != "log_incoming_messages"}
    has = state([application("9", "plivo-autoreply", **shown)], {FIRST: "9", SECOND: "9"})
    assert plan(has, log_incoming_messages=False).steps == ()
