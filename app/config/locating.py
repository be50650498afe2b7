"""From what was noted of a place to the line and column that a person opens, in whichever file they are."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

from app.config.diagnostics import Diagnostic, Excerpt, divided
from app.config.positions import Node, positions
from app.config.secrecy import MASK, PEM, is_secret, is_url, masked_string, masked_url, secrets_in
from app.config.spans import Lines, Span
from app.config.toml_writer import key as written_key
from app.config.tree import ABSENT, is_source, value_at
from app.rules.compiler import Place, Severity
from app.text_files import decoded

_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Finding:
    """What was noted: of the key or of the value at a place, or of some characters of the value."""

    place: Place
    message: str
    severity: Severity
    about: Literal["key", "value"] = "value"
    at: range | None = None
    part: "Part | None" = None  # the file whose place it is; None: a place of all files together


@dataclass(slots=True, eq=False)
class Part:
    """One TOML file, and how many elements of each list stand in the files before it."""

    name: str  # as people are told
    text: str  # line ends as LF
    before: Mapping[str, int] = field(default_factory=dict)
    _tree: Node | None = None
    _lines: list[str] | None = None
    _leaves: dict[int, list[tuple[Place, Node]]] | None = None  # by line

    @property
    def tree(self) -> Node:
        """Where its keys stand."""
        if self._tree is None:
            self._tree = positions(self.text)
        return self._tree

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines

    def leaves(self, line: int) -> list[tuple[Place, Node]]:
        """The single values that stand on a line, each with its place."""
        if self._leaves is None:
            self._leaves = {}
            for place, node in self.tree.leaves():
                for number in range(node.value.line, max(node.value.line, node.value.last_line) + 1):
                    self._leaves.setdefault(number, []).append((place, node))
        return self._leaves.get(line, [])

    def excerpt(self, span: Span, known: Collection[str]) -> Excerpt:
        """The line, without what is secret by its key, or a known secret."""
        line, start, end = self.lines[span.line - 1], span.column, span.end
        for place, node in sorted(self.leaves(span.line), key=lambda one: -one[1].value.column):
            text = _hidden(place, node.raw, known)
            if text == node.raw:
                continue
            is_whole = node.value.last_line == node.value.line
            first = node.value.column if node.value.line == span.line else 1
            last = node.value.end if is_whole else len(line) + 1
            line = line[: first - 1] + text + line[last - 1 :]
            start, end = (_moved(column, first, last, len(text)) for column in (start, end))
        return Excerpt(line, start, max(end, start + 1))

    def own(self, place: Place) -> Place:
        """A place of all files together as a place in this one."""
        if len(place) > 1 and isinstance(place[1], int):
            return (place[0], place[1] - self.before.get(str(place[0]), 0), *place[2:])
        return place


@dataclass(frozen=True, slots=True)
class Locator:
    """What is known of the files of a configuration."""

    shown: Path  # the main file, as it was named
    parts: Sequence[Part]
    data: Mapping[str, Any] = field(repr=False)
    flags: frozenset[str]
    environment: Mapping[str, str] = field(repr=False)
    contents: Mapping[Path, bytes] = field(repr=False)
    secrets: frozenset[str] = field(init=False, repr=False)
    names: Mapping[int, str] = field(init=False, repr=False)  # of the routes that have one of their own, by index
    texts: dict[str, str | None] = field(default_factory=dict, repr=False)  # of the files that values come from
    lines: dict[str, Lines] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        found = frozenset(secrets_in(self.data, lambda source: self._resolved(source)[1]))
        object.__setattr__(self, "secrets", found)
        object.__setattr__(self, "names", _route_names(self.data))

    def locate(self, findings: Iterable[Finding]) -> tuple[Diagnostic, ...]:
        """Everything that was noted, in the order of the files and their lines."""
        order = {part.name: index for index, part in enumerate(self.parts)}
        found = [self._diagnostic(finding) for finding in findings]
        return tuple(sorted(found, key=lambda one: (order.get(one.file, len(order)), one.line or 0, one.column or 0)))

    def _diagnostic(self, finding: Finding) -> Diagnostic:
        place, severity = finding.place, finding.severity
        key, (message, value) = path_of(place, self.names), self._message(finding)
        if place[:1] == ("server",) and place[1:2] and place[1] in self.flags:
            return Diagnostic(key, message, severity, f"--{str(place[1]).replace('_', '-')}", value=value)
        if not self.parts:
            return Diagnostic(key, message, severity, str(self.shown), value=value)
        source = value_at(self.data, place)
        if finding.at is not None and is_source(source) and "file" in source:
            name = str(source["file"])
            lines = self._lines_of(name)
            span = lines.span(finding.at.start, finding.at.stop)
            line = lines.lines[span.line - 1]
            excerpt = None if self._is_known(line) else Excerpt(line, span.column, span.end)
            shown = str(self.shown.parent / name)
            return Diagnostic(key, message, severity, shown, span.line, span.column, excerpt, value)
        part, node, is_exact = self._find(place, finding.part)
        span = node.value
        if is_exact and finding.about == "key":
            span = node.key
        elif is_exact and finding.at is not None and node.raw[:1] in ("'", '"'):
            span = node.inside(finding.at.start, finding.at.stop)
        excerpt = part.excerpt(span, self.secrets)
        return Diagnostic(key, message, severity, part.name, span.line, span.column, excerpt, value)

    def _find(self, place: Place, own: Part | None) -> tuple[Part, Node, bool]:
        """The file that goes furthest along a place, what it has there, and whether that is the place itself."""
        if own:
            node, depth = own.tree.find(place)
            return own, node, depth == len(place)
        found = [(part, *part.tree.find(part.own(place))) for part in self.parts]
        part, node, depth = max(found, key=lambda one: one[2])
        return part, node, depth == len(place)

    def _message(self, finding: Finding) -> tuple[str, str]:
        """The message with the value in it, unless it is secret or named there already; and what was put in."""
        shown = self._shown(finding.place) if finding.about == "value" and not finding.part else None
        message = finding.message
        for secret in self.secrets:
            message = message.replace(secret, MASK)
        problem = divided(message)[0]
        bare = (shown or "").partition('" in ')[0].strip('"')
        if shown is None or f'"{bare}"' in problem or (len(bare) > 2 and bare in problem):  # noqa: PLR2004
            return message, ""
        return f"{problem} ({shown}){message[len(problem) :]}", f"({shown})"

    def _shown(self, place: Place) -> str | None:
        value = value_at(self.data, place)
        if is_secret(place) or value is ABSENT:
            return None
        if is_source(value):
            origin, text = self._resolved(value)
            is_shown = text is not None and "\n" not in text and not self._is_known(text)
            return f"{_quoted(place, text)} in {origin}" if is_shown else None
        return None if self._is_known(value) else _quoted(place, value)

    def _is_known(self, value: Any) -> bool:
        return isinstance(value, str) and any(secret in value for secret in self.secrets)

    def _resolved(self, source: Mapping[str, Any]) -> tuple[str, str | None]:
        if isinstance(name := source.get("env"), str):
            return f"${name}", self.environment.get(name)
        name = str(source.get("file"))
        return name, self._content(name)

    def _content(self, name: str) -> str | None:
        if name not in self.texts:
            self.texts[name] = self._decoded(name)
        return self.texts[name]

    def _decoded(self, name: str) -> str | None:
        content = self.contents.get(self.shown.resolve().parent / name)
        try:
            return None if content is None else decoded(content).replace("\r\n", "\n").rstrip("\r\n")
        except UnicodeDecodeError:
            return None

    def _lines_of(self, name: str) -> Lines:
        if name not in self.lines:
            self.lines[name] = Lines(self._content(name) or "")
        return self.lines[name]


def path_of(place: Place, routes: Mapping[int, str]) -> str:
    """The key path: routes by their names, other elements as people count, `routes.shop.to[2]`."""
    path = ""
    for index, key in enumerate(place):
        if isinstance(key, int):
            name = routes.get(key) if place[:index] == ("routes",) else None
            path += f".{written_key(name)}" if name else f"[{key + 1}]"
        else:
            path += f".{written_key(key)}" if path else written_key(key)
    return path


def _route_names(data: Mapping[str, Any]) -> dict[int, str]:
    routes = data.get("routes")
    each = enumerate(routes if isinstance(routes, list) else [])
    names = {index: route.get("name") for index, route in each if isinstance(route, Mapping)}
    counts = Counter(name for name in names.values() if isinstance(name, str))
    return {index: name for index, name in names.items() if isinstance(name, str) and counts[name] == 1}


def _quoted(place: Place, value: Any) -> str | None:
    if isinstance(value, str):
        if PEM in value:
            return None
        text = masked_url(value) if is_url(place) else value
        return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..", ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | date | datetime | time) else None


def _hidden(place: Place, raw: str, known: Collection[str]) -> str:
    """A value as it is written, without what is secret in it."""
    if is_secret(place) or PEM in raw or any(secret in raw for secret in known):
        return f'"{MASK}"'
    return masked_string(raw) if is_url(place) else raw


def _moved(column: int, first: int, last: int, length: int) -> int:
    """A column of a line in which the columns from `first` up to `last` have become `length` characters."""
    if column >= last:
        return column + length - (last - first)
    return min(column, first) if column > first else column
