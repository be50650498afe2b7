"""What leads Plivo back to what it had before. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.plivo.numbers import show
from app.provisioning.values import AccountState, Application, Field


@dataclass(frozen=True, slots=True)
class FormerApplication:
    """What was remembered of an application. `fields` of None: it was created."""

    name: str
    app_id: str | None  # None: its creation was begun, and perhaps not finished
    fields: Mapping[str, Field | None] | None


@dataclass(frozen=True, slots=True)
class Former:
    """What Plivo had before the file was applied."""

    applications: tuple[FormerApplication, ...] = ()
    numbers: Mapping[str, str | None] = field(default_factory=dict)  # number -> the id of what it was linked to


@dataclass(frozen=True, slots=True)
class GiveBack:
    """A number that is linked again to what it was linked to before.

    `to` of None: Plivo gives it the account's default application.
    """

    number: str
    to: str | None
    to_name: str | None  # of an application that is there; None: `to` is something else, or is gone


@dataclass(frozen=True, slots=True)
class RestoreApplication:
    """An application that was there before."""

    app_id: str
    name: str
    old: Mapping[str, Field]  # what it has now
    restored: Mapping[str, Field]
    fields: Mapping[str, Field]  # all that are sent


@dataclass(frozen=True, slots=True)
class DeleteApplication:
    """An application that was created."""

    app_id: str
    name: str


UndoStep = GiveBack | RestoreApplication | DeleteApplication


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """The steps in their order, and what stays as it is."""

    steps: tuple[UndoStep, ...]
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()  # numbers that had no application, which nobody can give them back
    settled_numbers: tuple[str, ...] = ()  # remembered numbers with which there is nothing left to do
    settled_applications: tuple[str, ...] = ()  # likewise, by name

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do, and nothing to forget."""
        return not (self.steps or self.settled_numbers or self.settled_applications)


def plan_undo(state: AccountState, former: Former) -> UndoPlan:
    """The steps from what Plivo has to what it had. `state` must hold every number of the account."""
    ours = {one.name: application for one in former.applications if (application := _find(state, one))}
    ids = {application.app_id for application in ours.values()}
    numbers = {number: state.numbers.get(number) for number in former.numbers}
    back = {number: found for number, found in numbers.items() if found and found.app_id in ids}
    given = [GiveBack(number, former.numbers[number], _name(state, former.numbers[number])) for number in back]
    warnings = [
        f"{show(number)} {'was linked elsewhere since; it stays so' if found else 'is no number of the account now'}"
        for number, found in numbers.items()
        if number not in back
    ]
    steps: list[RestoreApplication | DeleteApplication] = []
    kept: list[str] = []
    for one in former.applications:
        others = _others(state, ours.get(one.name), back)
        if one.fields is None and others:
            kept.append(one.name)
            warnings.append(f'application "{one.name}" stays: {", ".join(map(show, others))} are linked to it')
        elif one.name in ours:
            steps += list(_application_step(one, ours[one.name]))
    stepped = {step.name for step in steps}
    return UndoPlan(
        (*given, *steps),
        tuple(warnings),
        tuple(number for number in back if former.numbers[number] is None),
        tuple(number for number in numbers if number not in back),
        tuple(one.name for one in former.applications if one.name not in stepped and one.name not in kept),
    )


def _find(state: AccountState, one: FormerApplication) -> Application | None:
    """The application by its id; by its name where its creation was not finished."""
    return state.application(one.app_id) if one.app_id else next(iter(state.called(one.name)), None)


def _others(state: AccountState, application: Application | None, back: Mapping[str, object]) -> list[str]:
    """Numbers that lead to the application and are not given back."""
    if application is None:
        return []
    return [one.number for one in state.numbers.values() if one.app_id == application.app_id and one.number not in back]


def _application_step(
    one: FormerApplication, application: Application
) -> Iterator[RestoreApplication | DeleteApplication]:
    if one.fields is None:
        yield DeleteApplication(application.app_id, one.name)
        return
    former: dict[str, Field] = {name: "" if value is None else value for name, value in one.fields.items()}
    differing = {name: value for name, value in former.items() if application.fields.get(name, "") != value}
    if differing:
        now = {name: application.fields[name] for name in differing if name in application.fields}
        fields = {**application.kept, **former}
        yield RestoreApplication(application.app_id, one.name, now, differing, fields)


def _name(state: AccountState, app_id: str | None) -> str | None:
    application = state.application(app_id)
    return application.name if application else None
