"""The series of a real service after traffic, for everything in deploy/ that reads metrics."""

import time
from typing import get_args

import pytest
from support import bot, plivo_sdk, process, promql, receiver, scrape, wire

from app.settings import SignatureMode

CONFIG = """
[admin]
listen = "127.0.0.1:0"
[[routes]]
name = "shop"
to = "33644600000"
text = "Thanks."
limits = {{ same_text = "2/1h" }}
[[routes]]
name = "down"
to = "33644600001"
rules = ["broken"]
[rules.broken]
webhook = "{bot}"
[targets.crm]
url = "{crm}"
"""


def _talk(service: process.Served) -> None:
    """Answers, a limit, a failed rule, an opt-out, a report, and a call that nobody signed."""
    for text in ("Hours?", "Hours?", "Hours?", "STOP"):
        params = plivo_sdk.message(Text=text)
        assert wire.tell(service, params)[0] == 200
    assert wire.tell(service, wire.message(To="33644600001"))[0] == 503
    assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
    assert process.call(service, "POST", "/message", wire.message(), {})[0] == 403


@pytest.fixture(scope="session")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> promql.Exposed:
    """What Prometheus would know of a service, with every mode of [plivo] signature."""
    folder = tmp_path_factory.mktemp("exposed")
    with receiver.receiving() as crm, bot.answering(lambda _call: (500, "")) as broken:
        config = process.HEAD + CONFIG.format(bot=broken.url, crm=crm.url)
        with process.served(folder, config) as service:
            _talk(service)
            found = dict(promql.exposed(_with_figures_of_the_store(service)))
    (info,) = found["autoreply_config_info"]
    found["autoreply_config_info"] = [{**info, "signature": mode} for mode in get_args(SignatureMode)]
    return found


def _with_figures_of_the_store(service: process.Served) -> scrape.Series:
    """A scrape after the store was read for backlogs and spending."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = scrape.scraped(service)
        if {"autoreply_deliveries_due", "autoreply_spending_units"} <= {name for name, _ in found}:
            return found
        time.sleep(0.05)  # polling a process, not waiting for luck
    raise AssertionError(service.text())
