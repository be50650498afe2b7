"""The receivers and bots in Node and PHP that pages show. Needs `node` and `php`, and says which one is missing."""

import shutil
from pathlib import Path

import pytest
from support.programs import judge_bot, judge_receiver

NODE = ("node", "{file}")
PHP = ("php", "-S", "127.0.0.1:{port}", "{file}")
INSTALL = {"node": "apt-get install nodejs", "php": "apt-get install php-cli"}


@pytest.fixture(autouse=True)
def _programs() -> None:
    missing = [f"{program} ({how})" for program, how in INSTALL.items() if shutil.which(program) is None]
    assert missing == [], "install these programs first"


@pytest.mark.parametrize(("name", "command"), [("receiver.mjs", NODE), ("receiver.php", PHP)])
def test_the_receivers(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    """Each verifies signatures and keeps each report once."""
    judge_receiver(tmp_path, name, *command)


@pytest.mark.parametrize(("name", "command"), [("bot.mjs", NODE), ("bot.php", PHP)])
def test_the_bots(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    """Each answers an order, and passes on everything else."""
    judge_bot(tmp_path, name, *command)
