"""A key or a table that a file has twice: where the second one stands, and where the first."""

import re

from app.config.positions import Node, positions
from app.config.spans import Span
from app.rules.compiler import Place

_LISTS = ("routes", "tests")


def second(text: str, line: int, column: int) -> tuple[Span, str] | None:
    """The second of two, whose end tomllib has met at this line and column; and what to do."""
    lines = text.split("\n")
    header = re.match(r"\s*(\[{1,2})\s*([^\]]+?)\s*\]", lines[line - 1])
    tree = positions(text)
    if header:
        span = Span(line, header.start(1) + 1, header.end() + len(header[1]))
        return span, _of_header(header[2], len(header[1]), lines[: line - 1])
    found = _ending_at(tree, (), line, column)
    if found is None:
        return None
    place, node = found
    earlier, depth = positions("\n".join(lines[: node.key.line - 1])).find(place)
    if 0 < depth < len(place) and not earlier.children:
        message = f"{place[depth - 1]} has a value already, in line {earlier.key.line}; nothing can stand below it"
        return node.key, message
    where = f"line {earlier.key.line}" if depth == len(place) else "the same line"
    return node.key, f"{place[-1]} stands here a second time, the first is in {where}; delete one of them"


def _of_header(name: str, brackets: int, before: list[str]) -> str:
    place = tuple(part.strip(" \"'") for part in name.split("."))
    first, _ = positions("\n".join(before)).find(place)
    where = f"the first is in line {first.value.line}"
    if name in _LISTS:
        return f"several {name}, one of them in single brackets, {where}; write [[{name}]] for each of them"
    if brackets > 1:
        return f"[[{name}]] where [{name}] stands in line {first.value.line}; write [{name}] once"
    return f"[{name}] stands here a second time, {where}; join the two"


def _ending_at(node: Node, place: Place, line: int, column: int) -> tuple[Place, Node] | None:
    """The deepest key whose value ends there."""
    best = None
    for key, child in node.children.items():
        below = _ending_at(child, (*place, key), line, column)
        if below:
            best = below
        elif isinstance(key, str) and not child.is_header and _ends_at(child.value, line, column):
            best = best or ((*place, key), child)
    return best


def _ends_at(span: Span, line: int, column: int) -> bool:
    return span.last_line == line and (span.last_line > span.line or span.end >= column - 1)
