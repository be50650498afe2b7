"""What can go wrong between Plivo and us, in sentences. None holds a token."""


class PlivoApiError(Exception):
    """Plivo did not do what was asked. The message says what happened and what to do."""

    def __init__(self, message: str, status: int | None = None, *, is_config: bool = False) -> None:
        super().__init__(message)
        self.status = status  # None: there was no answer
        self.is_config = is_config  # the file must change


_SHOWN = 200  # characters of what Plivo says

_CREDENTIALS = (
    "[plivo] auth_id must be the id (MA.. or SA..) of the account whose token stands first in auth_tokens; "
    "both are on the home page of Plivo's console"
)
_SENTENCES = {
    400: "Plivo refuses the request",
    401: f"Plivo refuses the credentials: {_CREDENTIALS}",
    403: "Plivo forbids it: does the account have an IP allow-list, or is it a subaccount?",
    404: "Plivo knows no such thing",
    429: "Plivo asks for fewer requests: wait a minute, and run it again",
}
_CONFIG = (401, 403, *range(300, 400))


def refusal(what: str, status: int, said: str | None) -> PlivoApiError:
    """The error of a status that is no success. `said` is what Plivo's answer says about it."""
    if status in _SENTENCES:
        sentence = _SENTENCES[status]
    elif status >= 500:  # noqa: PLR2004
        sentence = "Plivo has a problem of its own: see https://status.plivo.com, and run it again later"
    elif status in range(300, 400):
        sentence = "that is a redirect, and no answer of Plivo's API: is [plivo] api_url right?"
    else:
        sentence = "Plivo refuses the request"
    words = f' Plivo says: "{said[:_SHOWN]}"' if said else ""
    return PlivoApiError(f"{what}: {sentence} (status {status}).{words}", status, is_config=status in _CONFIG)


def no_answer(what: str, why: str) -> PlivoApiError:
    """The error of a request without an answer."""
    return PlivoApiError(f"{what}: no answer from Plivo: {why}. Run it again: what is done is not done twice")


def not_plivo(what: str, api_url: str) -> PlivoApiError:
    """The error of an answer that is none of Plivo's."""
    message = f"{what}: what answers at {api_url} is not Plivo's REST API: is [plivo] api_url right?"
    return PlivoApiError(message, is_config=True)


def no_account(what: str) -> PlivoApiError:
    """The error of a list that is not there."""
    message = f"{what}: Plivo knows no such account (status 404): are [plivo] auth_id and api_url right?"
    return PlivoApiError(message, 404, is_config=True)
