"""What the file says about Plivo's side."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """The account whose REST API is asked."""

    auth_id: str
    auth_token: str = field(repr=False)
    api_url: str


@dataclass(frozen=True, slots=True)
class ProvisioningOptions:
    """The application and the numbers that the file wants."""

    public_url: str  # without a slash at the end
    numbers: tuple[str, ...]  # those of the routes; `*` is none
    application: str  # its name
    answer_url: str | None = None  # for calls; None: as the numbers had it
    log_incoming_messages: bool = True

    @property
    def message_url(self) -> str:
        """The URL that Plivo is to call for each message."""
        return f"{self.public_url}/message"
