"""The operator's socket from outside; /metrics as Prometheus' own parser reads it."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from support import process

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]

ADMIN = '[admin]\nlisten = "127.0.0.1:0"\n'


def series(page: str) -> Series:
    """Every sample of the page by its name and labels; no sample may stand twice."""
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def value(found: Series, name: str, prefix: str = "autoreply_", /, **labels: str) -> float:
    """One sample; it must be there."""
    return found[f"{prefix}{name}", frozenset(labels.items())]


def port(service: process.Served) -> int:
    """Where its operator's socket listens."""
    (line,) = [line for line in service.lines() if line["event"] == "admin listening"]
    return int(line["port"])


def get(service: process.Served, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, bytes]:
    """A request on the operator's socket."""
    return process.fetch(urllib.request.Request(f"http://{host}:{port(service)}{path}", method=method))


def scraped(service: process.Served) -> Series:
    """Its metrics now."""
    status, page = get(service, "/metrics")
    assert status == 200
    return series(page.decode())


def ready(service: process.Served) -> tuple[int, dict[str, Any]]:
    """What /ready of the operator's socket says."""
    status, body = get(service, "/ready")
    return status, json.loads(body)
