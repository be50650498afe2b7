"""The conditions that any rule may have: `match` on the text, `from` on the sender, `open` and `closed` on the time."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from app import folding
from app.notation import Doc, Example, Key
from app.plivo.numbers import canonical, is_digits, kind_of, normalise
from app.rules.compiler import NAMES, RuleCompiler
from app.rules.number_lists import lines_of
from app.rules.outcome import Passes
from app.rules.rule import Condition, RuleContext
from app.rules.schedules import Schedule

SENDER_KINDS = ("short-code", "alphanumeric")  # the words that `from` accepts for kinds of senders
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # controls other than tab and line ends
_PATTERN_MEMORY = 8 << 20  # bytes for RE2's automata, as RE2's default; a larger pattern is refused at load


@dataclass(frozen=True, slots=True)
class ConditionOptions:
    """The options of a rule's conditions, which must all hold. None and () mean no such condition."""

    match: Annotated[
        str | None,
        Example(r"order\s+(?P<number>\d{4,8})"),
        Doc("An RE2 pattern to find in the text, in any case. Texts may use its named groups."),
    ] = None
    sender: Annotated[
        tuple[str, ...],
        Key("from"),
        Example(["+3389*", "short-code"]),
        Doc("Senders: numbers, prefixes such as `+3389*`, names, or `short-code` and `alphanumeric`."),
    ] = ()
    open: Annotated[str | None, Example("office"), Doc("A schedule that is open when the message arrives.")] = None
    closed: Annotated[str | None, Example("office"), Doc("A schedule that is closed when the message arrives.")] = None


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`match`: an RE2 pattern that is found anywhere in the text, regardless of case.

    Templates may use its named groups.

    RE2's \\d is ASCII only, so in the text and in the pattern the digits of every script are replaced by 0 to 9.
    """

    pattern: Any  # re2 has no type hints

    def __call__(self, context: RuleContext) -> RuleContext | Passes:
        """Return the context with the named groups, or pass if the pattern is not found."""
        found = self.pattern.search(folding.digits(context.message.text).encode())  # RE2 works on bytes
        if found is None:
            return Passes("match: pattern not found")
        groups = {name: (value or b"").decode() for name, value in found.groupdict().items()}
        return context.with_values(**groups) if groups else context


@dataclass(frozen=True, slots=True)
class Sender:
    """`from`: the sender must be one of these."""

    addresses: frozenset[str]  # canonical; there may be thousands
    tests: tuple[Callable[[str], bool], ...]  # of prefixes and kinds

    def __call__(self, context: RuleContext) -> RuleContext | Passes:
        """Return the context, or pass if the message is from anybody else."""
        sender = context.message.sender
        if canonical(sender) in self.addresses or any(test(sender) for test in self.tests):
            return context
        return Passes("from: the sender is not listed")


@dataclass(frozen=True, slots=True)
class OpenOrClosed:
    """`open` and `closed`: the state of a schedule at the time of the message."""

    schedule: Schedule
    wanted: bool

    def __call__(self, context: RuleContext) -> RuleContext | Passes:
        """Return the context, or pass and say until when the schedule is in the other state."""
        is_open = self.schedule.is_open(context.at)
        if is_open == self.wanted:
            return context
        change = self.schedule.next("next_close" if is_open else "next_open", context.at)
        until = f" until {change:%a %d %b %H:%M}" if change else ""
        return Passes(f"{self.schedule.name} is {'open' if is_open else 'closed'}{until}")


def build(options: ConditionOptions, compiler: RuleCompiler) -> tuple[tuple[Condition, ...], RuleCompiler]:
    """Return the conditions, cheapest first, and the compiler that knows the names they add."""
    conditions: list[Condition] = []
    if options.sender:
        listed = ((compiler.at("from", index), lines_of(source)) for index, source in enumerate(options.sender))
        found = [_sender(one, at, compiler) for compiler, lines in listed for one, at in lines]
        addresses = frozenset(one for one in found if isinstance(one, str))
        conditions.append(Sender(addresses, tuple(one for one in found if not isinstance(one, str))))
    for key, name, wanted in (("open", options.open, True), ("closed", options.closed, False)):
        if name is not None and (schedule := compiler.schedule(key, name)):
            conditions.append(OpenOrClosed(schedule, wanted))
    if options.open is not None and options.open == options.closed:
        compiler.fault("closed", "open and closed of one schedule never hold together; delete one of them")
    if options.match is not None:
        pattern = _compile(options.match, compiler)
        compiler = compiler.knowing_all() if pattern is None else compiler.knowing(pattern.groupindex)
        conditions += [] if pattern is None else [TextMatch(pattern)]
    return tuple(conditions), compiler


def _compile(source: str, compiler: RuleCompiler) -> Any:
    import re2  # noqa: PLC0415 - 2 MB, only for rules with `match`

    if found := _NO_TEXT.search(source):
        advice = r"""in "..", \b is a backspace; put the pattern into '..'"""
        message = f"a character that no message holds, U+{ord(found[0]):04X}; {advice}"
        compiler.fault("match", message, at=range(*found.span()))
        return None
    settings = re2.Options()
    settings.case_sensitive = False
    settings.log_errors = False
    settings.max_mem = _PATTERN_MEMORY
    try:
        pattern = re2.compile(folding.digits(source), settings)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        compiler.fault("match", f"not an RE2 pattern, {reason}; RE2 has no look-around and no back-references")
        return None
    for name in sorted(NAMES & set(pattern.groupindex)):
        compiler.fault("match", f"a group cannot be called {name}; that name is built in")
    return pattern


def _sender(source: str, at: range | None, compiler: RuleCompiler) -> str | Callable[[str], bool]:
    """Return the canonical form of an address, or the test of a prefix or a kind."""
    if source in SENDER_KINDS:
        return lambda address: kind_of(address) == source
    if source.endswith("*"):
        prefix = normalise(source[:-1])
        if not is_digits(prefix):
            compiler.fault("", f'"{source}" is not a prefix; write digits and a star, such as +3389*', at=at)
        elif prefix.startswith("0"):  # no E.164 number does, so it would never match
            compiler.fault(
                "", f'"{source}" is not a prefix of numbers; begin with the country code, such as +3389*', at=at
            )
        return lambda address: address.startswith(prefix) and kind_of(address) == "number"
    if near := difflib.get_close_matches(source.casefold(), SENDER_KINDS, n=1, cutoff=0.8):
        compiler.fault("", f'"{source}" is not a kind of sender; did you mean "{near[0]}"?', at=at)
        return lambda _address: False
    return canonical(compiler.sender("", source, at))
