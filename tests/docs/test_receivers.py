"""The receiver and the bot in Python that pages show; tests/system has those in Node and PHP."""

import sys
from pathlib import Path

from support.pages import named_files
from support.programs import BOTS, RECEIVERS, judge_bot, judge_receiver


def test_the_receiver_in_python(tmp_path: Path) -> None:
    """It verifies signatures and keeps each report once."""
    judge_receiver(tmp_path, "receiver.py", sys.executable, "{file}")


def test_the_bot_in_python(tmp_path: Path) -> None:
    """It answers an order, and passes on everything else."""
    judge_bot(tmp_path, "bot.py", sys.executable, "{file}")


def test_each_language_has_both() -> None:
    """A reader finds a receiver and a bot in the same languages."""
    assert named_files(RECEIVERS).keys() == {"receiver.py", "receiver.mjs", "receiver.php"}
    assert named_files(BOTS).keys() == {"bot.py", "bot.mjs", "bot.php"}
