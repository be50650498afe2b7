"""docs/how-to/connect-plivo.md shows what the commands print, one after the other, on an account like the page's."""

import re
import shlex
from pathlib import Path

import pytest
from support import process
from support.command import Shell
from support.plivo_api import AUTH_ID, plivo_api

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "connect-plivo.md").read_text()
TRANSCRIPT = re.compile(r"```console\n(.*?)```", re.DOTALL)
CONFIG = """
auth_id = "{auth_id}"
api_url = "{url}"
[[routes]]
name = "shop"
to = ["+33644600000", "+33644600001"]
text = "Got it."
"""


def test_the_page_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command of the page, in order, prints what stands below it."""
    shell = Shell(tmp_path, monkeypatch, capsys)
    ran = []
    with plivo_api() as account:
        old = account.add_application("switchboard", answer_url="https://voice.example.com/answer")
        account.add_number("33644600000", old)
        account.add_number("33644600001")
        (tmp_path / "config.toml").write_text(process.HEAD + CONFIG.format(auth_id=AUTH_ID, url=account.url))
        for block in TRANSCRIPT.findall(PAGE):
            for shown in block.split("$ plivo-autoreply ")[1:]:
                command, _, output = shown.partition("\n")
                done = shell(*shlex.split(command))
                assert (done.code, done.out) == (0, output), command
                ran.append(command)
    assert ran == ["provision plan", "provision apply --yes", "provision plan --check", "provision undo --yes"]
