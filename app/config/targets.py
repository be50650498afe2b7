"""`[targets.x]` of the file as the dispatcher's own values."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.config.source import Source
from app.config.validation import check
from app.delivery.target import Target
from app.http_client import BadTlsFile
from app.settings import PlivoSettings, ServerSettings


def read_targets(
    source: Source, data: Any, server: ServerSettings | None, plivo: PlivoSettings | None
) -> dict[str, Target]:
    """Every target; one that cannot be read too, so that routes may name it."""
    if not isinstance(data, Mapping):
        source.refuse(("targets",), "expected tables; write [targets.crm] and its keys below")
        return {}
    targets = {}
    for name, table in data.items():
        target = check(Target, source, ("targets", name), table, name=name)
        targets[name] = _complete(source, target, plivo) if target else Target(name, url="")
        if server and targets[name].url.startswith(f"{server.public_url}/"):
            message = "the service's own address, so reports would come round for ever; write the address of a receiver"
            source.note(("targets", name, "url"), message)
    return targets


def _complete(source: Source, target: Target, plivo: PlivoSettings | None) -> Target:
    """The target with what its files and `[plivo]` say."""
    token = plivo.auth_tokens[0] if target.plivo_signature and plivo and plivo.auth_tokens else None
    try:
        return replace(target, plivo_token=token, tls=target.ssl_context(target.url, source.folder))
    except BadTlsFile as error:
        source.note(("targets", target.name, error.option), str(error))
        return target
