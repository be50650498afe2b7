"""`[targets.x]` of the file as the forwarder's own values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.config import sections
from app.config.checking import check
from app.config.faults import Faults, did_you_mean
from app.plivo.messages import STATUSES
from app.reports.target import Target


def read_targets(
    data: Any, folder: Path, server: sections.Server | None, plivo: sections.Plivo | None, faults: Faults
) -> dict[str, Target]:
    """Every target; a faulty one too, so that routes may name it."""
    if not isinstance(data, Mapping):
        faults.note(("targets",), "expected tables, as [targets.crm]")
        return {}
    targets = {}
    for name, table in data.items():
        model = check(sections.Target, table, ("targets", name), folder, faults)
        if model is None:
            targets[name] = Target(name, url="")  # so that routes may name it without a second fault
            continue
        for index, status in enumerate(model.statuses):
            if status not in STATUSES:
                advice = did_you_mean(status, STATUSES)
                faults.note(("targets", name, "statuses", index), f"unknown status; {advice}")
        values: dict[str, Any] = {**dict(model), "statuses": frozenset(model.statuses), "send": frozenset(model.send)}
        signs = values.pop("plivo_signature") and plivo is not None and plivo.auth_tokens
        targets[name] = Target(name=name, plivo_token=plivo.auth_tokens[0] if signs and plivo else None, **values)
        if server and model.url.startswith(f"{server.public_url}/"):
            faults.note(
                ("targets", name, "url"), "this is the service's own address: reports would come round for ever"
            )
    return targets
