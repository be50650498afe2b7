"""What the file says about Plivo's side."""

from dataclasses import dataclass, field

API_URL = "https://api.plivo.com/v1"
APPLICATION = "plivo-autoreply"


@dataclass(frozen=True, slots=True)
class Account:
    """The account whose REST API is asked."""

    auth_id: str
    auth_token: str = field(repr=False)
    api_url: str = API_URL


@dataclass(frozen=True, slots=True)
class ProvisioningOptions:
    """The application and the numbers that the file wants."""

    public_url: str  # without a slash at the end
    numbers: tuple[str, ...]  # those of the routes; `*` is none
    application: str = APPLICATION
    answer_url: str | None = None  # for calls; None: as the numbers had it
    log_incoming_messages: bool = True

    @property
    def message_url(self) -> str:
        """Where Plivo shall post messages."""
        return f"{self.public_url}/message"
