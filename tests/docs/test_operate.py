"""The page for operators names what there is, and all of it."""

import re
from pathlib import Path

from app.store.disk import DEFAULT
from app.telemetry.gauges import Gauges
from app.telemetry.metrics import LIMITS, OUTCOMES, REFUSALS, SETTLED, SIGNERS, Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()


def _families() -> set[str]:
    metrics = Metrics()
    Gauges(metrics.registry)
    lines = metrics.text()[0].decode().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE autoreply_")}


def test_the_page_names_every_metric_and_no_other() -> None:
    """Whoever writes a query finds each name on the page, and none that does not exist."""
    named = {name.removesuffix("_bucket") for name in re.findall(r"autoreply_[a-z0-9_]+", PAGE)}
    assert named == _families()


def test_the_page_names_each_word_of_a_label() -> None:
    """Outcomes, reasons and signers are told; whoever sees one in a query can read what it means."""
    words = {*OUTCOMES, *REFUSALS, *SIGNERS, *SETTLED.values()}
    assert [word for word in words if f"`{word}`" not in PAGE] == []
    assert LIMITS == ("per_sender", "same_text", "total")  # in docs/limits.md


def test_the_default_reserve_is_told() -> None:
    """The page and the example say what the code does."""
    example = (Path(__file__).parents[2] / "config.example.toml").read_text()
    assert f"The default is {DEFAULT >> 20} MiB" in PAGE
    assert f'reserve = "{DEFAULT >> 20}MiB"' in example
