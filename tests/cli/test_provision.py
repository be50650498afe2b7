"""`provision` as operators use it: a diff, a question, a result; and what Plivo says in words that help."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import plivo_sdk, process
from support.command import Shell
from support.plivo_api import AUTH_ID, Failure, PlivoAccount, plivo_api

FIRST, SECOND, THIRD = "33644600000", "33644600001", "33644600002"
CONFIG = """
auth_id = "{auth_id}"
api_url = "{url}"
{more}
[[routes]]
name = "shop"
to = ["+33 6 44 60 00 00", "+33644600001"]
text = "Got it."
[[routes]]
to = "*"
text = "Thanks."
"""


@pytest.fixture
def account() -> Iterator[PlivoAccount]:
    """An account whose first two numbers have an application for calls; the third has none."""
    with plivo_api() as account:
        old = account.add_application("old", answer_url="https://a.example/")
        account.add_number(FIRST, old)
        account.add_number(SECOND, old)
        account.add_number(THIRD)
        yield account


@pytest.fixture
def shell(
    account: PlivoAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Commands beside a file with two numbers and `*`."""
    write(tmp_path, account)
    return Shell(tmp_path, monkeypatch, capsys)


def write(folder: Path, account: PlivoAccount, more: str = "") -> None:
    """The config."""
    (folder / "config.toml").write_text(process.HEAD + CONFIG.format(auth_id=AUTH_ID, url=account.url, more=more))


PLAN = """\
Plivo differs from config.toml: 1 application to create, 2 numbers to link.
+ application plivo-autoreply
    message_url            https://sms.example.com/message
    message_method         POST
    answer_url             https://a.example/
    answer_method          POST
    log_incoming_messages  true
~ +33644600000  old -> plivo-autoreply
~ +33644600001  old -> plivo-autoreply
"""


def test_there_and_back(shell: Shell, account: PlivoAccount) -> None:
    """plan shows the diff; apply makes it; plan then has nothing to say; undo leaves all as it was."""
    before = account.state()
    planned = shell("provision", "plan")
    assert (planned.code, planned.out, planned.err) == (0, PLAN, "")
    assert account.writes() == []
    assert not (shell.folder / "autoreply.db").exists()
    applied = shell("provision", "apply", "--yes")
    assert (applied.code, applied.out) == (0, f"{PLAN}Done: 1 application created, 2 numbers linked.\n")
    same = "No changes: Plivo is as config.toml wants it (application plivo-autoreply, 2 numbers).\n"
    assert shell("provision", "plan", "--check").out == same
    assert shell("provision", "apply", "--yes").out == same
    undone = shell("provision", "undo", "--yes")
    assert (undone.code, undone.out) == (
        0,
        """\
Plivo would be as it was before: 2 numbers to give back, 1 application to delete.
- application plivo-autoreply
~ +33644600000  back to old
~ +33644600001  back to old
Done: 2 numbers given back, 1 application deleted.
""",
    )
    assert account.state() == before
    assert shell("provision", "undo", "--yes").out == "Nothing to undo.\n"


def test_check_exits_with_1_on_drift(shell: Shell, account: PlivoAccount) -> None:
    """For a job that watches: 1 while anything differs, 0 when nothing does, and 1 when somebody has changed it."""
    assert shell("provision", "plan", "--check").code == 1
    assert shell("provision", "apply", "-y").code == 0
    assert shell("provision", "plan", "--check").code == 0
    (ours,) = [app_id for app_id, one in account.applications.items() if one["app_name"] == "plivo-autoreply"]
    account.applications[ours]["message_method"] = "GET"
    drifted = shell("provision", "plan", "--check")
    assert drifted.code == 1
    assert "~ application plivo-autoreply\n    message_method  GET -> POST\n" in drifted.out


def test_plan_for_machines(shell: Shell) -> None:
    """One JSON document with every change, warning and error."""
    done = shell("provision", "plan", "--json", "--check")
    assert done.code == 1
    found = json.loads(done.out)
    assert {key: found[key] for key in ("application", "app_id", "in_sync", "numbers_linked", "errors")} == {
        "application": "plivo-autoreply",
        "app_id": None,
        "in_sync": False,
        "numbers_linked": 0,
        "errors": [],
    }
    assert found["changes"][0]["action"] == "create"
    assert found["changes"][0]["fields"]["message_url"] == "https://sms.example.com/message"
    assert [(one["action"], one["number"], one["former"]) for one in found["changes"][1:]] == [
        ("link", "+33644600000", "old"),
        ("link", "+33644600001", "old"),
    ]


def test_different_voice_urls(shell: Shell, account: PlivoAccount) -> None:
    """The plan warns, apply refuses and says which key decides; with the key it goes through, and undo leads back."""
    account.numbers[SECOND]["app_id"] = account.add_application("other", answer_url="https://b.example/")
    before = account.state()
    planned = shell("provision", "plan")
    assert planned.code == 0
    assert (
        'warning: calls are handled differently (application "old": https://a.example/; '
        'application "other": https://b.example/)\n'
    ) in planned.out
    refused = shell("provision", "apply", "--yes")
    assert refused.code == 2
    assert '[plivo] answer_url = "https://.."' in refused.err
    assert account.writes() == []
    write(shell.folder, account, 'answer_url = "https://b.example/"')
    assert shell("provision", "apply", "--yes").code == 0
    assert shell("provision", "plan", "--check").code == 0
    assert shell("provision", "undo", "--yes").code == 0
    assert account.state() == before


def test_a_number_that_cannot_be_given_back_is_named(shell: Shell, account: PlivoAccount) -> None:
    """Before undo, and in its result, for nobody can look it up later."""
    account.numbers[FIRST]["app_id"] = None
    shell("provision", "apply", "--yes")
    done = shell("provision", "undo", "--yes")
    named = "! +33644600000 had no application, so it cannot be given back: Plivo links it to the account's default one"
    assert done.code == 0
    assert named in done.out
    assert done.out.endswith("Done: 1 number given back, 1 number left to Plivo's default, 1 application deleted.\n")


def test_a_former_application_that_is_gone(shell: Shell, account: PlivoAccount) -> None:
    """What could not be foreseen is named afterwards."""
    shell("provision", "apply", "--yes")
    old = next(app_id for app_id, one in account.applications.items() if one["app_name"] == "old")
    del account.applications[old]
    done = shell("provision", "undo", "--yes")
    assert done.code == 0
    assert done.out.count("had an application that is gone, so it cannot be given back") == 2


def test_a_failure_in_the_middle(shell: Shell, account: PlivoAccount) -> None:
    """What was done and what was not is said; running it again finishes it."""
    account.failures.append(Failure("POST", f"Number/{FIRST}/", 500))
    done = shell("provision", "apply", "--yes")
    assert done.code == 1
    assert "Done: 1 application created" in done.err
    assert "Not done: +33644600000" in done.err
    assert "Run `provision apply` again to finish." in done.err
    assert "linking +33644600000: Plivo has a problem of its own" in done.err
    assert shell("provision", "apply", "--yes").code == 0
    assert shell("provision", "plan", "--check").code == 0


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, 2, "reading the applications: Plivo refuses the credentials: [plivo] auth_id must be the id"),
        (404, 2, "Plivo knows no such account (status 404): are [plivo] auth_id and api_url right?"),
        (500, 1, "Plivo has a problem of its own: see https://status.plivo.com"),
        (0, 1, "reading the applications: no answer from Plivo: "),
    ],
)
@pytest.mark.parametrize("verb", [("plan",), ("plan", "--check"), ("apply", "--yes")])
def test_what_plivo_refuses(
    shell: Shell, account: PlivoAccount, verb: tuple[str, ...], status: int, code: int, said: str
) -> None:
    """A sentence on stderr and an exit code; nothing is printed as a plan, and never the token."""
    account.failures.append(Failure("GET", "Application", status, times=2))  # a GET is tried twice
    done = shell("provision", *verb)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert plivo_sdk.TOKEN not in done.err


def test_without_auth_id(shell: Shell, account: PlivoAccount) -> None:
    """The key that is missing is named, with an example."""
    path = shell.folder / "config.toml"
    path.write_text(path.read_text().replace(f'auth_id = "{AUTH_ID}"\n', ""))
    for verb in (("plan",), ("apply", "--yes")):
        done = shell("provision", *verb)
        assert done.code == 2
        assert '[plivo] auth_id is missing: auth_id = { env = "PLIVO_AUTH_ID" }' in done.err
    assert account.calls == []


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_nobody_to_ask(shell: Shell, account: PlivoAccount, verb: str) -> None:
    """Without a terminal --yes is required, and Plivo is not even asked."""
    done = shell("provision", verb)
    assert (done.code, done.out) == (2, "")
    assert done.err == "plivo-autoreply: --yes is required when not run interactively\n"
    assert account.calls == []


@pytest.mark.parametrize(("answer", "code", "writes"), [("n", 1, 0), ("y", 0, 3)])
def test_the_question(shell: Shell, account: PlivoAccount, answer: str, code: int, writes: int) -> None:
    """On a terminal the plan is shown, and nothing happens without a yes."""
    outer, inner = pty.openpty()
    with os.fdopen(outer, "wb", buffering=0) as terminal:
        command = [*process.COMMAND, "provision", "apply"]
        with subprocess.Popen(
            command,
            cwd=shell.folder,
            env=process.environment(shell.folder),
            stdin=inner,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            os.close(inner)
            terminal.write(f"{answer}\n".encode())
            out, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert out.startswith(PLAN)
    assert "Apply this to Plivo? [y/N]" in err
    assert len(account.writes()) == writes


def test_many_numbers_are_shortened(shell: Shell, account: PlivoAccount) -> None:
    """Of more than ten numbers the first and the last are shown."""
    numbers = [str(33_644_600_100 + index) for index in range(30)]
    for number in numbers:
        account.add_number(number)
    path = shell.folder / "config.toml"
    path.write_text(path.read_text().replace('"+33644600001"', ", ".join(f'"+{number}"' for number in numbers)))
    done = shell("provision", "plan")
    assert "1 application to create, 31 numbers to link" in done.out
    assert done.out.endswith(
        "~ +33644600000  old -> plivo-autoreply\n"
        "  .. 29 more\n"
        "+ +33644600129  plivo-autoreply (it had no application)\n"
        "warning: calls to +33644600100, +33644600101, +33644600102 and 27 more, without an application until now, "
        "will go to https://a.example/\n"
    )


def test_what_plivo_says_cannot_move_the_cursor(shell: Shell, account: PlivoAccount) -> None:
    """Names that come from Plivo are escaped."""
    old = account.numbers[FIRST]["app_id"]
    account.applications[old]["app_name"] = "old\x1b[2J"
    assert "old\\x1b[2J -> plivo-autoreply" in shell("provision", "plan").out
