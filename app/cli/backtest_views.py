"""Render a backtest for people: counts, units, one line for each pair of rules, and examples."""

import shlex
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path

import click

from app.cli.output import counted, echo, print_table
from app.cli.times import shown
from app.operations.backtest import Answer, BacktestResult, Difference, Group
from app.operations.escape import escaped
from app.plivo.numbers import show

SILENCE = "(silence)"
HEADER = ("OLD RULE", "NEW RULE", "MESSAGES", "UNITS", "")


def show_backtest(found: BacktestResult, path: Path, zone: tzinfo | None) -> None:
    """Print what differs, the most frequent first."""
    groups = sorted(found.groups.values(), key=lambda group: -group.count)
    since = "" if found.since is None else f" since {shown(found.since, zone)}"
    if not found.messages:
        echo(f"No message{since} can be replayed")
    elif not groups:
        echo(f"No differences: {counted(found.messages, 'message')}{since}, each with the same answer")
    echo("  ".join(_counts(found)))
    echo(_units(found))
    if groups:
        echo("")
        print_table(HEADER, [_row(group) for group in groups])
    for group in groups:
        for number, one in enumerate(group.examples, 1):
            _show_example(one, f"{number} of {group.count:,}", group, path, zone)
    for rule, count in found.assumed.most_common():
        times = counted(count, "message")
        echo(f"{rule} would be asked about {times} that it was not asked about then; it passed: see --given {rule}=..")


def _counts(found: BacktestResult) -> Iterator[str]:
    yield f"{found.same:,} same"
    for kind in ("changed", "new", "gone"):
        yield f"{found.kinds[kind]:,} {kind}"
    if found.skipped:
        yield f"{found.skipped:,} skipped (text not kept)"
    if found.pending:
        yield f"{found.pending:,} pending"


def _units(found: BacktestResult) -> str:
    before, after = found.units_before, found.units_after
    change = f"{after - before:+,}" + (f", {100 * (after - before) / before:+.1f} %" if before else "")
    return f"Units {before:,} -> {after:,} ({change})"


def _row(group: Group) -> tuple[str, ...]:
    old, new = _names(group)
    return (old, new, f"{group.count:,}", f"{group.units:+,}", "" if group.kind == "changed" else group.kind)


def _names(group: Group) -> tuple[str, str]:
    return group.old_rule or SILENCE, group.new_rule or SILENCE


def _show_example(one: Difference, which: str, group: Group, path: Path, zone: tzinfo | None) -> None:
    echo("")
    echo(f"{' -> '.join(_names(group))}, {which}: {shown(one.at, zone)} {show(one.sender)} {_quoted(one.text)}")
    for sign, answer in (("-", one.before), ("+", one.after)):
        for line in _lines(answer, one.sender):
            echo(f"  {sign} {line}")
    click.echo(f"  Reproduce: {reproduce(one, path, zone)}")


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "(no text)"


def _lines(answer: Answer, sender: str) -> Iterator[str]:
    """Yield each text, with the numbers of those who get it besides the sender; or why there is none."""
    if not answer.messages:
        yield f"{SILENCE}: {answer.reason}"
    for message in answer.messages:
        others = message.dst != (sender,)
        yield (f"to {', '.join(map(show, message.dst))}: " if others else "") + message.text


def reproduce(one: Difference, path: Path, zone: tzinfo | None) -> str:
    """Return the command that shows what each rule of the new file says to this message alone, for a shell."""
    words = ["plivo-autoreply", "explain", "-c", str(path), "--to", show(one.to), "--from", show(one.sender)]
    words += ["--text", one.text, "--at", shown(one.at, zone)]
    words += ["--type", one.type] if one.type != "sms" else []
    for rule, says in one.given.items():
        words += ["--given", rule, says]
    return " ".join(map(_shell_quoted, words))


def _shell_quoted(word: str) -> str:
    r"""Return a word for a shell that is safe on a terminal: what is unusual as $'\U0000000a', which bash reads."""
    if escaped(word) == word:
        return shlex.quote(word)
    return f"$'{''.join(map(_character, word))}'"


def _character(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if escaped(character) == character:
        return character
    return f"\\U{ord(character):08x}" if character != "\0" else ""
