"""`[targets.x]` of the file as the dispatcher's own values."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.config.source import Source
from app.config.validation import check
from app.delivery.target import Target
from app.http_client import BadTlsFile
from app.settings import PlivoSettings

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def read_targets(source: Source, data: Any, plivo: PlivoSettings | None) -> dict[str, Target]:
    """Every target; one that cannot be read too, so that routes may name it."""
    if not isinstance(data, Mapping):
        source.refuse(("targets",), "expected tables; write [targets.crm] and its keys below")
        return {}
    targets = {}
    for name, table in data.items():
        if not _NAME.fullmatch(name):  # addresses of the API and labels of metrics hold it
            message = "not a name for a target; write letters, digits, hyphens and underscores"
            source.note(("targets", name), message, about="key")
        target = check(Target, source, ("targets", name), table, name=name)
        targets[name] = _complete(source, target, plivo) if target else Target(name, url="")
    return targets


def _complete(source: Source, target: Target, plivo: PlivoSettings | None) -> Target:
    """The target with what its files and `[plivo]` say."""
    token = plivo.auth_tokens[0] if target.plivo_signature and plivo and plivo.auth_tokens else None
    try:
        return replace(target, plivo_token=token, tls=target.ssl_context(target.url, source.folder))
    except BadTlsFile as error:
        source.note(("targets", target.name, error.option), str(error))
        return target
