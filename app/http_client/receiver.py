"""The options of whatever receives our requests: a target, or the webhook of a rule."""

from dataclasses import dataclass, field
from typing import Annotated

from app.http_client.signing import Secret
from app.http_client.tls import TlsFiles
from app.notation import Doc, Example, Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverOptions(TlsFiles):
    """The options of one receiver: how each POST is signed, its headers, and the files for TLS."""

    secrets: Annotated[
        tuple[Secret, ...],
        Example({"env": "CRM_SECRET"}),
        Doc("Standard Webhooks secrets (`whsec_..`) that sign each POST; several while one is being rotated."),
    ] = ()
    headers: Annotated[
        Headers,
        Example({"Authorization": {"env": "CRM_AUTH"}}),
        Doc("More headers of each POST, for example Authorization."),
    ] = field(default_factory=dict, repr=False)
