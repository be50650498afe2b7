"""A running service with a console, and a conversation with some people in its store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import console, process, receiver, scrape

CONFIG = (
    process.HEAD
    + """
[[routes]]
name = "support"
to = ["+33644600000", "+33644600001"]
rules = ["menu", "order", "bot", "ack"]
[rules.menu.keywords]
"HOURS | OPEN" = "Open Mon-Fri 9:00-18:00. “See you soon”"
"PRICE *" = "Price list: https://example.com/p"
[rules.order]
match = 'order\\s+(?P<number>\\d{4,8})'
text = "Order {number} was shipped."
[rules.bot]
webhook = "{url}/bot"
from = "+3361*"
[rules.ack]
text = "Thanks, we got your message."
cooldown = "1h"
[targets.crm]
url = "{url}/crm"
retry = []
[targets.archive]
url = "{url}/archive"
"""
    + console.ADMIN.replace("9090", "0")
)


@dataclass(frozen=True)
class Served:
    """A service, and where its console is."""

    service: process.Served
    url: str

    def text(self, sender: str, text: str, report: str | None = None) -> None:
        """A message of a person, played as Plivo calls; with the reports of its reply up to a status."""
        said = ["send", "--url", self.service.url, "--to", "+33644600000", "--from", sender, "--text", text]
        done = process.run(*said, *(["--report", report] if report else []), cwd=self.service.folder)
        assert done.returncode == 0, done.stderr


def _respond(got: receiver.Received) -> int:
    """The bot and the CRM are broken, the archive takes everything."""
    return 204 if got.path.startswith("/archive") else 500


@contextmanager
def conversing(folder: Path) -> Iterator[Served]:
    """A service in this folder that has talked to some people."""
    with (
        receiver.receiving(_respond) as target,
        process.served(folder, CONFIG.replace("{url}", target.url)) as service,
    ):
        running = Served(service, f"http://127.0.0.1:{scrape.port(service)}")
        running.text("+33700000001", "Hours?", "delivered")
        running.text("+33700000002", "where is order 123456?", "undelivered")
        running.text("+33610000003", "hello")
        running.text("+33700000004", "STOP", "delivered")
        running.text("+33700000004", "hello?")
        running.text("+33700000005", "hello", "delivered")
        running.text("+33700000005", "hello again")
        running.text("+33700000006", "<script>alert(1)</script> \u202e evil {{ 7*7 }} " + "long " * 60, "delivered")
        running.text("+33700000007", "Price of the pizza with four cheeses, please", "delivered")
        yield running
