"""`[targets.x]` of the file as the dispatcher's own values."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.config import models as sections
from app.config.diagnostics import Diagnostics, did_you_mean
from app.config.validation import check
from app.delivery.target import Target
from app.http_client import BadTlsFile, TlsFiles
from app.plivo.messages import STATUSES
from app.rules.compiler import Place


def read_targets(
    data: Any, folder: Path, server: sections.ServerTable | None, plivo: sections.Plivo | None, faults: Diagnostics
) -> dict[str, Target]:
    """Every target; a faulty one too, so that routes may name it."""
    if not isinstance(data, Mapping):
        faults.note(("targets",), "expected tables, as [targets.crm]")
        return {}
    targets = {}
    for name, table in data.items():
        model = check(sections.TargetTable, table, ("targets", name), folder, faults)
        if model is None:
            targets[name] = Target(name, url="")  # so that routes may name it without a second fault
            continue
        for index, status in enumerate(model.statuses):
            if status not in STATUSES:
                advice = did_you_mean(status, STATUSES)
                faults.note(("targets", name, "statuses", index), f"unknown status; {advice}")
        targets[name] = _target(name, model, plivo, _tls(model, ("targets", name), folder, faults))
        if server and model.url.startswith(f"{server.public_url}/"):
            faults.note(
                ("targets", name, "url"), "this is the service's own address: reports would come round for ever"
            )
    return targets


def _target(name: str, model: sections.TargetTable, plivo: sections.Plivo | None, tls: ssl.SSLContext | None) -> Target:
    values = model.model_dump(exclude={"plivo_signature", "statuses", "send", "ca_file", "client_cert", "client_key"})
    token = plivo.auth_tokens[0] if model.plivo_signature and plivo and plivo.auth_tokens else None
    return Target(
        name=name,
        statuses=frozenset(model.statuses),
        send=frozenset(model.send),
        plivo_token=token,
        tls=tls,
        **values,
    )


def _tls(model: sections.TargetTable, place: Place, folder: Path, faults: Diagnostics) -> ssl.SSLContext | None:
    try:
        return TlsFiles(model.ca_file, model.client_cert, model.client_key).context(model.url, folder)
    except BadTlsFile as error:
        faults.note((*place, error.option), str(error))
        return None
