"""docs/tutorial.md, done step by step: from nothing to the answer of a rule that the reader has added."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from support import process
from support.pages import DOCS, blocks, shell_lines

PAGE = DOCS / "tutorial.md"
LINES = [shlex.split(line)[1:] for line in shell_lines(PAGE) if line.startswith("plivo-autoreply ")]
TOKEN = "demo-token"


def test_the_tutorial_leads_to_an_answer(tmp_path: Path) -> None:
    """`init`, `dev`, a message, a new rule that `dev` reloads, its test, and another answer to the same message."""
    init, send, explain = (next(line for line in LINES if line[0] == verb) for verb in ("init", "send", "explain"))
    (rules,) = (block.code for block in blocks(PAGE, "toml") if "[[routes]]" in block.code)
    assert process.run(*init, cwd=tmp_path).returncode == 0
    file = tmp_path / "config.toml"
    service = process.Served(tmp_path, verb="dev", without=("PLIVO_AUTH_TOKEN",))
    try:
        assert _replies(service, send) == ["Thanks, we got your message."]
        file.write_text(file.read_text().partition("[[routes]]")[0] + rules)
        service.wait_for("reloaded")
        assert _replies(service, send) == ["Open Mon-Fri 9:00-18:00."]
    finally:
        service.stop()
    assert process.run("test", cwd=tmp_path, PLIVO_AUTH_TOKEN=TOKEN).returncode == 0
    assert "menu" in process.run(*explain, cwd=tmp_path, PLIVO_AUTH_TOKEN=TOKEN).stdout


def _replies(service: process.Served, send: Sequence[str]) -> list[str]:
    done = process.run(*send, "--url", service.url, "--json", cwd=service.folder, PLIVO_AUTH_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    return [message["text"] for message in json.loads(done.stdout)["messages"]]
