"""`[targets.x]` of the file as the dispatcher's own values."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config.diagnostics import Diagnostics
from app.config.validation import check
from app.delivery.target import Target
from app.http_client import BadTlsFile
from app.settings import PlivoSettings, ServerSettings


def read_targets(
    data: Any, folder: Path, server: ServerSettings | None, plivo: PlivoSettings | None, faults: Diagnostics
) -> dict[str, Target]:
    """Every target; a faulty one too, so that routes may name it."""
    if not isinstance(data, Mapping):
        faults.note(("targets",), "expected tables, as [targets.crm]")
        return {}
    targets = {}
    for name, table in data.items():
        target = check(Target, table, ("targets", name), folder, faults, name=name)
        targets[name] = _complete(target, folder, plivo, faults) if target else Target(name, url="")
        if server and targets[name].url.startswith(f"{server.public_url}/"):
            faults.note(
                ("targets", name, "url"), "this is the service's own address: reports would come round for ever"
            )
    return targets


def _complete(target: Target, folder: Path, plivo: PlivoSettings | None, faults: Diagnostics) -> Target:
    """The target with what its files and `[plivo]` say."""
    token = plivo.auth_tokens[0] if target.plivo_signature and plivo and plivo.auth_tokens else None
    try:
        return replace(target, plivo_token=token, tls=target.ssl_context(target.url, folder))
    except BadTlsFile as error:
        faults.note(("targets", target.name, error.option), str(error))
        return target
