"""What has to change at Plivo, so that it is as the file wants. Pure: two values in, a plan out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.plivo.numbers import kind_of
from app.provisioning.options import ProvisioningOptions
from app.provisioning.values import LOG, AccountState, Application, Field
from app.provisioning.voice import choose_voice, named_numbers

ABSENT = "not among the numbers of this Plivo account"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an application."""

    name: str
    old: Field | None
    new: Field


@dataclass(frozen=True, slots=True)
class CreateApplication:
    """An application that is not there yet."""

    name: str
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class UpdateApplication:
    """An application that is there. All its `fields` are sent, so that none is reset that was not meant."""

    app_id: str
    name: str
    changes: tuple[FieldChange, ...]
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class LinkNumber:
    """A number that is to be linked to the application."""

    number: str
    to: str  # the application's name
    former: str | None  # the id of what it is linked to now
    former_name: str | None


Step = CreateApplication | UpdateApplication | LinkNumber


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order; none: Plivo is as the file wants. With `errors` nothing can be applied."""

    application: str
    app_id: str | None  # None: it is to be created
    steps: tuple[Step, ...]
    linked: int  # numbers that are as they should be
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def make_plan(state: AccountState, options: ProvisioningOptions) -> Plan:
    """The steps from what Plivo has to what the file wants."""
    name, ours = options.application, state.called(options.application)
    if len(ours) > 1:
        ids = ", ".join(application.app_id for application in ours)
        problem = f'{len(ours)} applications are called "{name}" ({ids}): rename all but one in Plivo\'s console'
        return Plan(name, None, (), 0, errors=(problem,))
    current = next(iter(ours), None)
    app_id = current.app_id if current else None
    numbers = [state.numbers[number] for number in options.numbers if number in state.numbers]
    linked = [number for number in numbers if app_id and number.app_id == app_id]
    joining = [number for number in numbers if not app_id or number.app_id != app_id]
    voice = choose_voice(state, current, linked, joining, options.answer_url)
    wanted = {
        "message_url": options.message_url,
        "message_method": "POST",
        **voice.fields,
        LOG: options.log_incoming_messages,
    }
    links = [LinkNumber(one.number, name, one.app_id, _name(state, one.app_id)) for one in joining]
    warnings = (
        *_twins(state, current, options),
        *voice.warnings,
        *_logged(state, links, options),
        *_missing(state, options),
    )
    errors = (voice.error,) if voice.error else ()
    return Plan(name, app_id, (*_application_step(current, name, wanted), *links), len(linked), warnings, errors)


def _name(state: AccountState, app_id: str | None) -> str | None:
    application = state.application(app_id)
    return application.name if application else app_id


def _application_step(current: Application | None, name: str, wanted: Mapping[str, Field]) -> Iterator[Step]:
    if current is None:
        yield CreateApplication(name, wanted)
        return
    changes = tuple(
        FieldChange(field, current.fields.get(field), value)
        for field, value in wanted.items()
        if current.fields.get(field, _unshown(field, value)) != value
    )
    if changes:
        yield UpdateApplication(current.app_id, current.name, changes, {**current.kept, **wanted})


def _unshown(field: str, wanted: Field) -> Field | None:
    """What a field is that Plivo does not show: its API did not always tell log_incoming_messages."""
    return wanted if field == LOG else None


def _twins(state: AccountState, current: Application | None, options: ProvisioningOptions) -> Iterator[str]:
    """Applications that lead here under another name, made by hand perhaps."""
    for other in state.applications:
        if other is not current and other.fields.get("message_url") == options.message_url:
            advice = f'to use that one, set [plivo] application = "{other.name}"'
            yield f'application "{other.name}" has this message_url already; {advice}'


def _logged(state: AccountState, links: list[LinkNumber], options: ProvisioningOptions) -> Iterator[str]:
    """Numbers whose texts Plivo did not log until now."""
    private = {application.app_id for application in state.applications if application.fields.get(LOG) is False}
    numbers = [link.number for link in links if link.former in private]
    if numbers and options.log_incoming_messages:
        advice = f"to keep them out of its log, set [plivo] {LOG} = false"
        yield f"Plivo will log the texts that come to {named_numbers(numbers)}; {advice}"


def _missing(state: AccountState, options: ProvisioningOptions) -> Iterator[str]:
    absent = [number for number in options.numbers if number not in state.numbers]
    codes = [number for number in absent if kind_of(number) == "short-code"]
    numbers = [number for number in absent if number not in codes]
    if numbers:
        yield f"{ABSENT}: {named_numbers(numbers)}; is [plivo] auth_id the id of the account that owns them?"
    if codes:
        yield f"{ABSENT}: {named_numbers(codes)}; ask Plivo's support to link a short code"
