"""Plans and results of `provision` for people and for machines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from app.cli.output import counted
from app.operations.escape import escaped
from app.plivo.numbers import show
from app.provisioning.plan import CreateApplication, LinkNumber, Plan, Step, UpdateApplication
from app.provisioning.undo import DeleteApplication, GiveBack, RestoreApplication, UndoPlan, UndoStep

MANY = 10  # numbers; of more, the first and the last are shown
_LOST = "so it cannot be given back: Plivo links it to the account's default one, if any"
NO_APPLICATION, GONE = f"had no application, {_LOST}", f"had an application that is gone, {_LOST}"

_COLOURS = {"+": "green", "~": "yellow", "-": "red", "!": "red"}
_LEFT = "left"  # a number to be given back that had no application
_ACTS: Mapping[type | str, tuple[str, str, str]] = {  # of a step: its noun, what is to be done, what was done
    CreateApplication: ("application", "create", "created"),
    UpdateApplication: ("application", "change", "changed"),
    LinkNumber: ("number", "link", "linked"),
    GiveBack: ("number", "give back", "given back"),
    _LEFT: ("number", "leave to Plivo's default", "left to Plivo's default"),
    RestoreApplication: ("application", "restore", "restored"),
    DeleteApplication: ("application", "delete", "deleted"),
}
_MARKS = {CreateApplication: "+", DeleteApplication: "-"}


def show_plan(plan: Plan, file: str) -> None:
    """Print a plan: a sentence, then each step, then warnings and what stands in the way."""
    if plan.steps:
        click.echo(f"Plivo differs from {escaped(file)}: {_to_do(plan.steps)}.")
    elif not plan.errors:
        what = f"application {plan.application}, {counted(plan.linked, 'number')}"
        click.echo(f"No changes: Plivo is as {escaped(file)} wants it ({what}).")
    _show_steps(plan.steps)
    _show_remarks("warning", plan.warnings)
    _show_remarks("error", plan.errors)


def show_undo(plan: UndoPlan) -> None:
    """Print the steps of an undo plan."""
    click.echo(f"Plivo would be as it was before: {_to_do(plan.steps)}." if plan.steps else "Nothing to undo.")
    _show_steps(plan.steps)
    _show_remarks("warning", plan.warnings)


def show_lost(numbers: Sequence[str]) -> None:
    """Print the numbers whose former application turned out to be gone."""
    for line in _shortened([f"{show(number)} {GONE}" for number in numbers]):
        _echo(f"! {line}")


def summary(steps: Sequence[Step | UndoStep]) -> str:
    """What was done: 1 application created, 2 numbers linked; "nothing" without steps."""
    return ", ".join(_counts(steps, 2)) or "nothing"


def names(steps: Sequence[Step | UndoStep]) -> str:
    """The applications and numbers that steps are about."""
    return ", ".join(_shortened([_name(step) for step in steps]))


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan for machines."""
    return {
        "application": plan.application,
        "app_id": plan.app_id,
        "in_sync": not plan.steps and not plan.errors,
        "numbers_linked": plan.linked,
        "changes": [_STEP_JSON[type(step)](step) for step in plan.steps],
        "warnings": list(plan.warnings),
        "errors": list(plan.errors),
    }


def _create_json(step: Any) -> dict[str, Any]:
    return {"action": "create", "application": step.name, "fields": dict(step.fields)}


def _update_json(step: Any) -> dict[str, Any]:
    fields = {change.name: {"old": change.old, "new": change.new} for change in step.changes}
    return {"action": "update", "application": step.name, "app_id": step.app_id, "fields": fields}


def _link_json(step: Any) -> dict[str, Any]:
    return {
        "action": "link",
        "number": show(step.number),
        "application": step.to,
        "former": step.former_name,
        "former_id": step.former,
    }


_STEP_JSON: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    CreateApplication: _create_json,
    UpdateApplication: _update_json,
    LinkNumber: _link_json,
}


def _to_do(steps: Sequence[Step | UndoStep]) -> str:
    return ", ".join(_counts(steps, 1))


def _counts(steps: Sequence[Step | UndoStep], word: int) -> Iterator[str]:
    """1 application to create, or with word 2: 1 application created."""
    for kind, act in _ACTS.items():
        if count := sum(_kind(step) == kind for step in steps):
            yield f"{counted(count, act[0])} {'to ' if word == 1 else ''}{act[word]}"


def _kind(step: Step | UndoStep) -> type | str:
    return _LEFT if isinstance(step, GiveBack) and step.to is None else type(step)


def _show_steps(steps: Sequence[Step | UndoStep]) -> None:
    for step in steps:
        if not isinstance(step, LinkNumber | GiveBack):
            _echo(f"{_MARKS.get(type(step), '~')} {_name(step)}")
            for line in _fields(step):
                click.echo(f"    {escaped(line)}")
    for line in _shortened([_number(step) for step in steps if isinstance(step, LinkNumber | GiveBack)]):
        _echo(line)


def _fields(step: Step | UndoStep) -> Iterator[str]:
    if isinstance(step, CreateApplication):
        yield from _aligned({name: _text(value) for name, value in step.fields.items()})
    elif isinstance(step, UpdateApplication):
        yield from _aligned({one.name: f"{_text(one.old)} -> {_text(one.new)}" for one in step.changes})
    elif isinstance(step, RestoreApplication):
        yield from _aligned(
            {name: f"{_text(step.old.get(name))} -> {_text(value)}" for name, value in step.restored.items()}
        )


def _aligned(values: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, values), default=0)
    return (f"{name:<{width}}  {value}" for name, value in values.items())


def _number(step: LinkNumber | GiveBack) -> str:
    if isinstance(step, GiveBack):
        lost = f"! {show(step.number)} {NO_APPLICATION}"
        return lost if step.to is None else f"~ {show(step.number)}  back to {step.to_name or step.to}"
    if step.former is None:
        return f"+ {show(step.number)}  {step.to} (it had no application)"
    return f"~ {show(step.number)}  {step.former_name} -> {step.to}"


def _name(step: Step | UndoStep) -> str:
    return show(step.number) if isinstance(step, LinkNumber | GiveBack) else f"application {step.name}"


def _text(value: str | bool | None) -> str:  # noqa: FBT001 - a value of an application
    if isinstance(value, bool):
        return str(value).lower()
    return value or "(none)"


def _shortened(lines: Sequence[str]) -> list[str]:
    return list(lines) if len(lines) <= MANY else [lines[0], f"  .. {len(lines) - 2} more", lines[-1]]


def _show_remarks(kind: str, remarks: Sequence[str]) -> None:
    for remark in remarks:
        click.echo(f"{click.style(kind, fg='yellow' if kind == 'warning' else 'red', bold=True)}: {escaped(remark)}")


def _echo(line: str) -> None:
    click.echo(click.style(escaped(line), fg=_COLOURS.get(line[0])))
