"""log-events.md: every event that the code can log, from the calls of loggers in app/, with what to do about it."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import app
from generate.meanings import MEANINGS
from generate.tables import codes, table

CODE = Path(app.__file__).parent
LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3, "exception": 3, "critical": 4}
NAMES = ("debug", "info", "warning", "error", "critical")
COMPUTED = {  # what an expression stands for, where the event is not written in the call
    ("replies/observer.py", "event"): ("spending cap reached", "rate limit reached", "spending cap at 80 %"),
    ("replies/observer.py", "kind.event"): ("spending cap reached", "rate limit reached", "spending cap at 80 %"),
    ("store/disk.py", "what"): ("the disk is nearly full: reports are refused, messages are answered",),
    ("operations/state.py", "self.fault"): ("the .. has ended",),
}

HEAD = """\
<!-- Made from the logging calls in app/ and docs/generate/meanings.py. Edit those, then: make reference -->

# Log events

`serve` writes one line for each event to stderr. In JSON each line has `timestamp` (UTC, when it happened), `level`,
`event`, `logger` and the fields of the event. [Monitor](../how-to/monitor.md#read-the-log) describes the format.

The tables have every event of the service, the worst first. Libraries log warnings and errors under names of their own.
"""


@dataclass
class Logged:
    """An event: at which levels and by which loggers it is logged."""

    levels: set[str] = field(default_factory=set)
    loggers: set[str] = field(default_factory=set)


@functools.cache
def events() -> dict[str, Logged]:
    """Return all events by their names. Raises `LookupError` for one that is computed in an unknown way."""
    found: dict[str, Logged] = {}
    for file in sorted(CODE.rglob("*.py")):
        tree = ast.parse(file.read_text())
        for call, levels in _calls(tree):
            for event in _names(file, call.args[0]):
                logged = found.setdefault(event, Logged())
                logged.levels |= levels
                logged.loggers |= _loggers(tree)
    return found


def page() -> str:
    """Return the whole page."""
    parts, found = [HEAD], events()
    if missing := sorted(found.keys() - MEANINGS.keys()):
        message = f"say in docs/generate/meanings.py what these events mean: {missing}"
        raise LookupError(message)
    for level in reversed(NAMES):
        names = sorted(name for name, logged in found.items() if level == _worst(logged))
        if names:
            rows = ((f"`{name}`", codes(sorted(found[name].loggers)), *MEANINGS[name]) for name in names)
            parts.append(f"\n## {level.capitalize()}\n\n{table(('event', 'logger', 'meaning', 'what to do'), rows)}\n")
    return "".join(parts)


def _worst(logged: Logged) -> str:
    return NAMES[max(LEVELS[level] for level in logged.levels)]


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, set[str]]]:
    """Yield each call of a logger with its levels; also `level(..)`, where `level = log.error if .. else log.info`."""
    chosen = {
        one.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "level"
        for one in ast.walk(node.value)
        if isinstance(one, ast.Attribute) and one.attr in LEVELS
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS and _is_logger(node.func.value):
            yield node, {node.func.attr}
        elif isinstance(node.func, ast.Name) and node.func.id == "level" and chosen:
            yield node, chosen


def _is_logger(node: ast.AST) -> bool:
    name = ast.unparse(node)
    return name == "log" or name.endswith("_log") or "get_logger(" in name


def _names(file: Path, node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.IfExp):
        return _names(file, node.body) + _names(file, node.orelse)
    key = (file.relative_to(CODE).as_posix(), ast.unparse(node))
    if key not in COMPUTED:
        message = f"{key[0]}: which events is {key[1]!r}? Say so in COMPUTED of docs/generate/log_events.py"
        raise LookupError(message)
    return COMPUTED[key]


def _loggers(tree: ast.AST) -> set[str]:
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("get_logger")
        if isinstance(node.args[0], ast.Constant)
    }
