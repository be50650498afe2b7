"""`explain`: who would answer, and why nobody else did. Nothing is called and nothing is written."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from support import process

from app.cli.explain import command

CONFIG = (
    process.HEAD
    + """
[[routes]]
name = "support"
to = "+33644600000"
rules = ["menu", "duty", "ack"]
[rules.menu.keywords]
HOURS = "Open Mon-Fri 9:00-18:00."
[rules.duty]
match = "urgent"
forward = ["+33612345678", "+33612345679"]
text = "Thanks."
[rules.ack]
text = "Got it."
"""
)
EMPTY = "<Response/>"


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file above, in a folder of its own."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "test-auth-token")
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path))
    monkeypatch.delenv("AUTOREPLY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG)


def _explain(text: str, *arguments: str, sender: str = "+33700000001", to: str = "+33644600000") -> Result:
    return CliRunner().invoke(command, ["--to", to, "--from", sender, "--text", text, *arguments])


def test_people_read_route_steps_answer_units_and_xml() -> None:
    """Every rule has a line with its reason; then what would be sent, what it costs, and the XML itself."""
    result = _explain("Hours?")
    assert result.exit_code == 0
    *lines, xml = result.stdout.splitlines()
    assert [line.split(maxsplit=2)[:2] for line in lines] == [
        ["route", "support"],
        ["menu", "answers"],
        ["duty", "not"],
        ["ack", "not"],
        ["answer", "menu:"],
        ["sends", "+33644600000"],
        ["units", "1"],
    ]
    assert "keyword 'HOURS'" in lines[1]
    assert lines[5].endswith("1 unit: Open Mon-Fri 9:00-18:00.")
    assert ET.fromstring(xml)[0].text == "Open Mon-Fri 9:00-18:00."


def test_json_has_the_whole_decision() -> None:
    """`--json`: one document with everything that the text shows."""
    result = _explain("Urgent: {from}", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    xml = document.pop("xml")
    assert document == {
        "route": "support",
        "rule": "duty",
        "reason": "forwarded to 2",
        "failed": False,
        "steps": [
            {"rule": "menu", "verdict": "passes", "reason": "keywords: no keyword in the text"},
            {"rule": "duty", "verdict": "answers", "reason": "forward to 2"},
            {"rule": "ack", "verdict": "not asked", "reason": "an earlier rule answered"},
        ],
        "messages": [
            {
                "src": "+33644600000",
                "dst": ["+33612345678", "+33612345679"],
                "text": "+33700000001: Urgent: {from}",
                "units": 1,
            },
            {"src": "+33644600000", "dst": ["+33700000001"], "text": "Thanks.", "units": 1},
        ],
        "units": 3,
    }
    assert [message.get("dst") for message in ET.fromstring(xml)] == ["33612345678<33612345679", "33700000001"]


@pytest.mark.parametrize(
    ("arguments", "sender", "to", "route", "reason"),
    [
        (["--type", "whatsapp"], "+33700000001", "+33644600000", "support", "WhatsApp"),
        ([], "+33700000001", "+33644600001", None, "no route for this number"),
        ([], "AMAZON", "+33644600000", "support", "cannot be texted"),
        ([], "+33 6 44 60 00 00", "+33644600000", "support", "one of our own numbers"),
    ],
)
def test_silence_has_its_reason_and_is_no_problem(
    arguments: list[str], sender: str, to: str, route: str | None, reason: str
) -> None:
    """Silence is a decision: exit code 0, an empty response, and why."""
    result = _explain("hello", "--json", *arguments, sender=sender, to=to)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["route"], document["xml"], document["units"]) == (route, EMPTY, 0)
    assert reason in document["reason"]
    assert "answer silence: " in _explain("", "--type", "whatsapp").stdout


@pytest.mark.parametrize("to", ["+33644600000", "33644600000", " +33 6 44 60-00.00 "])
def test_numbers_are_taken_as_people_write_them(to: str) -> None:
    """The plus and blanks do not count."""
    assert json.loads(_explain("hello", "--json", to=to).stdout)["route"] == "support"


def test_bad_file_is_a_users_mistake() -> None:
    """Its faults stand on stderr, and the exit code is 2."""
    Path("config.toml").write_text(CONFIG.replace("https:", "ftp:"))
    result = _explain("hello")
    assert result.exit_code == 2
    assert "config.toml:3:14: error: server.public_url: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["--to", "+33644600000"], ["--from", "+33700000001"], ["--type", "fax"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    """Both numbers are needed, and a type that Plivo knows."""
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_help_has_an_example() -> None:
    """Whoever asks for help gets a line to copy."""
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example: plivo-autoreply explain --to" in result.stdout


def test_command_calls_nothing_and_writes_nothing(tmp_path: Path) -> None:
    """As its users run it: it works beside a server or without one, and leaves no store behind."""
    result = process.run("explain", "--to", "+33644600000", "--from", "+33700000001", "--text", "x", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_mistake_never_shows_a_traceback(tmp_path: Path) -> None:
    """As its users run it: a bad file is told in sentences, exit code 2."""
    (tmp_path / "config.toml").write_text(CONFIG.replace("https:", "ftp:"))
    result = process.run("explain", "--to", "+33644600000", "--from", "+33700000001", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "plivo-autoreply: config.toml has 1 error"
    assert "Traceback" not in result.stderr
