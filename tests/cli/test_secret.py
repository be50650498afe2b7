"""`secret`: a new signing secret that others can use."""

import base64
import datetime as dt

import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook

from app.cli import cli
from app.cli.secret import command
from app.http_client import Secret, webhook_headers


def _secret() -> str:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    assert result.stderr == ""
    return result.stdout.removesuffix("\n")


def test_secret_has_the_form_of_standard_webhooks() -> None:
    """`whsec_` and the Base64 of 24 to 64 bytes, on one line, so that a shell can take it."""
    text = _secret()
    assert text.startswith("whsec_")
    assert len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) == 32
    assert text.split() == [text]


def test_secrets_are_random() -> None:
    """No two are the same."""
    assert len({_secret() for _ in range(20)}) == 20


def test_receiver_with_the_reference_library_accepts_what_it_signs() -> None:
    """What we sign with it, the reference verifier of Standard Webhooks accepts with it."""
    text, body = _secret(), b'{"type":"sms.report"}'
    now = int(dt.datetime.now(dt.UTC).timestamp())
    headers = webhook_headers("msg_1", now, body, [Secret(text)])
    assert Webhook(text).verify(body, headers) == {"type": "sms.report"}


def test_wrong_usage_is_2() -> None:
    """It takes no arguments."""
    assert CliRunner().invoke(command, ["crm"]).exit_code == 2


@pytest.mark.parametrize("name", ["check", "explain", "secret"])
def test_command_is_listed_and_its_help_has_an_example(name: str) -> None:
    """Each command stands in the list of commands, with an example in its help."""
    listed = CliRunner().invoke(cli, ["--help"])
    assert any(line.split()[:1] == [name] for line in listed.stdout.splitlines())
    assert "Example: " in CliRunner().invoke(cli, [name, "--help"]).stdout
