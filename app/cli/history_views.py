"""Render the history of a person or message for people."""

from collections.abc import Iterable
from datetime import tzinfo

from app.cli.delivery_views import result, tries_line, try_line
from app.cli.outgoing import outgoing_line
from app.cli.output import counted, echo, print_table
from app.cli.times import shown
from app.operations.history import (
    CALLS,
    DeliveryRecord,
    History,
    MessageRecord,
    OptOutRecord,
    ReportRecord,
    error_in_words,
    pending_in_words,
    sent_by,
)
from app.plivo.numbers import show

SHORT_HEADER = ("RECEIVED", "FROM", "TO", "TEXT", "ANSWER", "STATE", "MESSAGE")


def show_short(found: History, zone: tzinfo | None) -> None:
    """Print the person's opt-outs, and one line for each message."""
    show_person(found, zone)
    if found.messages:
        print_table(SHORT_HEADER, [_short(message, zone) for message in found.messages])
    if found.reports:
        echo(f"and {counted(len(found.reports), 'report')} of other messages")


def show_history(found: History, zone: tzinfo | None) -> None:
    """Print the person's opt-outs, each message with all that became of it, and the other reports."""
    show_person(found, zone)
    for message in found.messages:
        _show_message(message, zone)
    for report in found.reports:
        _show_report(report, zone, indent="")


def show_person(found: History, zone: tzinfo | None) -> None:
    """Print whether the person has opted out: of which number, since when, and by what."""
    if found.person is None:
        return
    person = show(found.person)
    if all(one.ended_at is not None for one in found.opt_outs):
        echo(f"{person} has not opted out")
    for one in found.opt_outs:
        number, since = show(one.number), shown(one.at, zone)
        if one.ended_at is None:
            echo(f"{person} gets nothing from {number} since {since}: {_proof(one)}")
        else:
            until = f"until {shown(one.ended_at, zone)}: {one.ended_by}"
            echo(f"{person} got nothing from {number} from {since} ({_proof(one)}) {until}")


def _proof(one: OptOutRecord) -> str:
    return f"{one.word} by {one.source} {one.message_uuid or ''}".rstrip()


def _short(message: MessageRecord, zone: tzinfo | None) -> tuple[str, ...]:
    return (
        shown(message.received_at, zone),
        show(message.sender),
        show(message.recipient),
        _text(message),
        "-" if message.state == "pending" else _answer(message),
        _state(message),
        message.message_uuid,
    )


def _text(message: MessageRecord) -> str:
    return f"'{message.text}'" if message.text is not None else "(not kept)"


def _answer(message: MessageRecord) -> str:
    return message.rule or "silence"


def _state(message: MessageRecord) -> str:
    """Return how far a message has come: pending, fetched, or not fetched yet."""
    if message.state == "pending":
        return "pending"
    return "fetched" if message.handed_over_at is not None else "not fetched yet"


def _show_message(message: MessageRecord, zone: tzinfo | None) -> None:
    sender, recipient, at = show(message.sender), show(message.recipient), shown(message.received_at, zone)
    echo(f"{at}  {sender} -> {recipient}  {message.type}  {message.message_uuid}")
    echo(f"  text     {_text(message)}")
    pending = message.state == "pending"
    echo(f"  answer   {pending_in_words(message) if pending else f'{_answer(message)}: {message.reason}'}")
    _show_sent(message)
    for index, step in enumerate(message.steps):
        echo(f"  {'' if index else 'rules':<8} {step.rule:<18} {step.verdict:<10} {step.reason}")
    _show_calls(message, zone)
    token = f", token {message.token}" if message.token else ""
    signed = f"signed {message.signed_by or 'by nobody'}{token}"
    echo(f"  route    {message.route or '-'}, config {message.config}, {signed}")
    _show_deliveries(message.deliveries, zone, indent="  ")
    for report in message.reports:
        _show_report(report, zone, indent="  ")


def _show_sent(message: MessageRecord) -> None:
    sent = sent_by(message)
    for one in sent:
        echo(f"  sent     {outgoing_line(one)}")
    if message.reply_units and not sent:
        echo(f"  sent     {counted(message.reply_units, 'unit')} (the text is no longer kept)")
    if sent and message.handed_over_at is not None and not message.reports:
        echo("  report   none has come yet")


def _show_calls(message: MessageRecord, zone: tzinfo | None) -> None:
    """Print each call that Plivo made, and when the answer was ready and fetched."""
    for number, call in enumerate(message.calls, 1):
        echo(f"  call {number}   {shown(call.at, zone)}  {call.status}  {call.reason}")
    if message.answered_at is None:
        return
    fetched = "not fetched yet"
    if message.handed_over_at is not None:
        fetched = f"fetched {shown(message.handed_over_at, zone)}"
    elif len(message.calls) >= CALLS:
        fetched = f"not fetched, and Plivo has made its {CALLS} calls"
    echo(f"  ready    {shown(message.answered_at, zone)}, {fetched}")


def _show_report(report: ReportRecord, zone: tzinfo | None, indent: str) -> None:
    status, person = f"{report.status}{error_in_words(report)}", show(report.recipient)
    what = f"{shown(report.received_at, zone)}  {status}  {report.message_uuid} to {person}"
    echo(f"{indent}report   {what}{', no route: all targets' if report.route is None else ''}")
    if not report.deliveries:
        echo(f"{indent}           no target gets it")
    _show_deliveries(report.deliveries, zone, indent)


def _show_deliveries(deliveries: Iterable[DeliveryRecord], zone: tzinfo | None, indent: str) -> None:
    for one in deliveries:
        when = f", due {shown(one.due_at, zone)}" if one.state == "due" else ""
        state = f"{one.target:<18} {one.state:<8} after {tries_line(one.attempts)}"
        echo(f"{indent}           {state}: {result(one)}{when}, delivery {one.id}")
        for each in one.tries:
            echo(f"{indent}             {try_line(each, zone)}")
