"""What Plivo has: applications and numbers, as its REST API tells them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Field = str | bool

ANSWER_URL = "answer_url"
HANGUP_URL = "hangup_url"
LOG = "log_incoming_messages"
VOICE = {  # what is called, and how
    ANSWER_URL: "answer_method",
    HANGUP_URL: "hangup_method",
    "fallback_answer_url": "fallback_method",
}
MESSAGE = ("message_url", "message_method", LOG)

# How an update calls what an application shows. The official SDK resets them if an update does not name them, so a
# flag that is set is always named. https://docs.plivo.com/docs/account/api/application
_FLAGS = {
    "default_app": "default_number_app",
    "default_endpoint_app": "default_endpoint_app",
    "public_uri": "public_uri",
}
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Application:
    """A Plivo application. `fields` are those that an update may set, without the ones that are empty."""

    app_id: str
    name: str
    fields: Mapping[str, Field]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read an application from the API's JSON. Raises `KeyError` without an id."""
        names = (*VOICE, *VOICE.values(), *MESSAGE)
        fields = {name: found for name in names if (found := _field(name, data.get(name))) is not None}
        flags = {update: True for name, update in _FLAGS.items() if data.get(name) is True}
        return cls(str(data["app_id"]), str(data.get("app_name") or ""), fields | flags)

    @property
    def voice(self) -> Mapping[str, Field]:
        """What it does with calls, defaults written out; empty if it does nothing.

        Plivo sets a hangup_url that is not given to the answer_url, so that one says nothing.
        """
        pairs = {url: pair for url in VOICE if (pair := self._pair(url))}
        if pairs.get(HANGUP_URL) == pairs.get(ANSWER_URL):
            pairs.pop(HANGUP_URL, None)
        return {name: value for url, pair in pairs.items() for name, value in zip((url, VOICE[url]), pair, strict=True)}

    @property
    def kept(self) -> Mapping[str, Field]:
        """What an update names beside its changes, so that nothing is reset; a hangup_url that says nothing is not."""
        says_nothing = self.fields.get(HANGUP_URL) == self.fields.get(ANSWER_URL)
        return {name: value for name, value in self.fields.items() if name != HANGUP_URL or not says_nothing}

    def _pair(self, url: str) -> tuple[Field, Field] | None:
        """What is called, and how."""
        return (self.fields[url], self.fields.get(VOICE[url], "POST")) if url in self.fields else None


@dataclass(frozen=True, slots=True)
class AccountNumber:
    """A number of the account."""

    number: str  # digits
    app_id: str | None  # of what it is linked to: an application, or a trunk
    receives_sms: bool = True
    receives_calls: bool = True
    kind: str = ""  # local, fixed, tollfree, mobile or national
    ten_dlc: str | None = None  # its registration; None: no US local number
    toll_free: str | None = None  # its verification; None: no toll-free number

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read a number from the API's JSON. Raises `KeyError` without a number.

        https://docs.plivo.com/docs/numbers/api/account-phone-number
        """
        return cls(
            number=str(data["number"]).removeprefix("+"),
            app_id=_last_part(data.get("application")),
            receives_sms=data.get("sms_enabled") is not False,
            receives_calls=data.get("voice_enabled") is not False,
            kind=str(data.get("number_type") or ""),
            ten_dlc=_text(data.get("tendlc_registration_status")),
            toll_free=_text(data.get("toll_free_sms_verification")),
        )


@dataclass(frozen=True, slots=True)
class AccountState:
    """What Plivo has, as far as it was asked."""

    applications: tuple[Application, ...]
    numbers: Mapping[str, AccountNumber]  # by digits
    _by_id: Mapping[str | None, Application] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {one.app_id: one for one in self.applications})

    def called(self, name: str) -> tuple[Application, ...]:
        """The applications of this name; Plivo may have several."""
        return tuple(application for application in self.applications if application.name == name)

    def application(self, app_id: str | None) -> Application | None:
        """The application with this id, if it is one of the account."""
        return self._by_id.get(app_id)


def _field(name: str, value: Any) -> Field | None:
    if name == LOG:
        return value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
    text = _text(value)
    return text.upper() if text and name.endswith("_method") else text


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _last_part(uri: Any) -> str | None:
    """The id at the end of /v1/Account/../Application/ID/."""
    return str(uri).rstrip("/").rpartition("/")[2] or None if uri else None
