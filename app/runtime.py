"""The part of the configuration that requests need, as one frozen value. A reload replaces it in one step."""

from dataclasses import dataclass

from app.delivery.fan_out import Subscriptions
from app.plivo.markup import Callback
from app.plivo.signature import Token
from app.policies.policies import Policies
from app.rules.table import Table


@dataclass(frozen=True, slots=True)
class Runtime:
    """The compiled configuration that requests are served with."""

    version: str  # 12 hex digits of a digest over all files read, secrets masked
    public_url: str
    tokens: tuple[Token, ...]
    signature: str  # "any", "v3" or "log-only"
    table: Table
    policies: Policies
    callback: Callback
    subscriptions: Subscriptions
    keep_text: bool
