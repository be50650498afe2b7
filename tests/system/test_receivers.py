"""The receivers and bots in Node and PHP that pages show."""

from pathlib import Path

import pytest
from support.programs import judge_bot, judge_receiver

NODE = ("node", "{file}")
PHP = ("php", "-S", "127.0.0.1:{port}", "{file}")


@pytest.mark.parametrize(("name", "command"), [("receiver.mjs", NODE), ("receiver.php", PHP)])
def test_the_receivers(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    """Each verifies signatures and keeps each report once."""
    judge_receiver(tmp_path, name, *command)


@pytest.mark.parametrize(("name", "command"), [("bot.mjs", NODE), ("bot.php", PHP)])
def test_the_bots(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    """Each answers an order, and passes on everything else."""
    judge_bot(tmp_path, name, *command)
