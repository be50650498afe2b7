"""A running instance for `send` to play Plivo against, and the target of its reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import process, receiver

CONFIG = """
[server]
public_url = "https://sms.example.com/sub"
callback_method = "GET"
[plivo]
auth_tokens = [{{ env = "OLD_TOKEN", optional = true }}, {{ env = "PLIVO_AUTH_TOKEN" }}]
[[routes]]
to = "*"
text = "You said: {{text}}"
[targets.crm]
url = "{url}/hook"
"""


@dataclass(frozen=True)
class Instance:
    """The service, and where its reports go."""

    service: process.Served
    crm: receiver.Receiver


@contextmanager
def instance(folder: Path) -> Iterator[Instance]:
    """An instance in this folder."""
    with receiver.receiving() as crm, process.served(folder, CONFIG.format(url=crm.url)) as service:
        yield Instance(service, crm)
