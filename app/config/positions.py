"""Where each key and value of a TOML file stands. tomllib forgets it, so tree-sitter reads the file once more, and only
when there is something to tell: importing it takes 15 ms, reading config.example.toml 0.3 ms.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.config.spans import Span, column_in_string
from app.config.tree import is_source
from app.rules.compiler import Place

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

_KEYS = ("bare_key", "quoted_key", "dotted_key")


@dataclass(slots=True)
class Node:
    """A key or an element of a list: where it stands, and what it holds."""

    key: Span  # of the key, or of the whole element
    value: Span  # of a table with a header of its own: the header
    raw: str = ""  # a value as it is written
    is_header: bool = False
    children: dict[str | int, "Node"] = field(default_factory=dict)

    def find(self, place: Place) -> tuple["Node", int]:
        """The node of a place, or of what is nearest above it, and how many keys lead there."""
        node = self
        for depth, key in enumerate(place):
            if key in node.children:
                node = node.children[key]
            elif key != 0:  # [routes] may stand for the only element of [[routes]]
                return node, depth
        return node, len(place)

    def inside(self, start: int, stop: int) -> Span:
        """Where some characters of a text stand, from `start` to `stop` of its value."""
        first, last = column_in_string(self.raw, start), column_in_string(self.raw, max(start, stop - 1))
        column = first.column if first.line > 1 else self.value.column + first.column - 1
        length = last.column - first.column + 1 if last.line == first.line else 1
        return Span(self.value.line + first.line - 1, column, column + max(length, 1))

    def leaves(self, place: Place = ()) -> Iterator[tuple[Place, "Node"]]:
        """Every single value below this node, with its place; of `{ env = ".." }` and `{ file = ".." }` the default."""
        for key, child in self.children.items():
            if is_source(self.children) and key != "default":
                continue
            if child.children:
                yield from child.leaves((*place, key))
            elif not child.is_header:
                yield (*place, key), child


def positions(text: str) -> Node:
    """The tree of a TOML file, its line ends as LF."""
    import tree_sitter_toml  # noqa: PLC0415 - see the docstring of the module
    from tree_sitter import Language, Parser  # noqa: PLC0415

    content = text.encode()
    document = Parser(Language(tree_sitter_toml.language())).parse(content).root_node
    return _Reader(content.split(b"\n")).document(document)


@dataclass(frozen=True, slots=True)
class _Reader:
    lines: list[bytes]

    def document(self, document: "Syntax") -> Node:
        start = Span(1, 1, 1)
        root = Node(start, start)
        for child in document.named_children:
            if child.type == "pair":
                self.pair(root, child)
            elif child.type in ("table", "table_array_element") and child.named_children:
                self.table(root, child)
        return root

    def table(self, root: Node, syntax: "Syntax") -> None:
        """`[a.b]` and `[[a]]`, with the pairs below it."""
        name = syntax.named_children[0]
        keys = list(self.keys(name))
        if not keys:  # of a file that is not TOML
            return
        brackets = 2 if syntax.type == "table_array_element" else 1
        line = self.span(name)
        header = replace(line, column=line.column - brackets, end=line.end + brackets)
        parent = root
        for key, span in keys[:-1]:
            parent = self.newest(self.child(parent, key, span, header, is_header=True))
        key, span = keys[-1]
        table = self.child(parent, key, span, header, is_header=True)
        if brackets == 2:  # noqa: PLR2004 - of [[routes]]
            table = self.child(table, len(table.children), span, header, is_header=True)
        else:
            table.key, table.value = span, header
        for child in syntax.named_children[1:]:
            if child.type == "pair":
                self.pair(table, child)

    def pair(self, parent: Node, syntax: "Syntax") -> None:
        name, *values = [child for child in syntax.named_children if child.type not in ("comment", "ERROR")] or [syntax]
        keys = list(self.keys(name))
        if not keys:
            return
        value = self.span(values[0]) if values else self.span(name)
        for key, span in keys[:-1]:
            parent = self.child(parent, key, span, span, is_header=False)
        key, span = keys[-1]
        node = self.child(parent, key, span, value, is_header=False)
        node.key, node.value = span, value
        if values:
            self.value(node, values[0])

    def value(self, node: Node, syntax: "Syntax") -> None:
        node.raw = (syntax.text or b"").decode()
        if syntax.type == "inline_table":
            for child in syntax.named_children:
                if child.type == "pair":
                    self.pair(node, child)
        elif syntax.type == "array":
            elements = [child for child in syntax.named_children if child.type not in ("comment", "ERROR")]
            for index, child in enumerate(elements):
                span = self.span(child)
                element = self.child(node, index, span, span, is_header=False)
                self.value(element, child)

    def keys(self, syntax: "Syntax") -> Iterator[tuple[str, Span]]:
        if syntax.type == "dotted_key":
            for child in syntax.named_children:
                yield from self.keys(child)
        elif syntax.type in _KEYS:
            yield _name((syntax.text or b"").decode()), self.span(syntax)

    def span(self, syntax: "Syntax") -> Span:
        """The place of a node in characters, counted from 1. What spans several lines ends with its first one."""
        row, start = syntax.start_point
        end = syntax.end_point.column if syntax.end_point.row == row else len(self.lines[row].rstrip())
        line = self.lines[row]
        return Span(
            row + 1,
            len(line[:start].decode()) + 1,
            len(line[:end].decode()) + 1,
            syntax.end_point.row + 1,
        )

    def child(self, parent: Node, key: str | int, span: Span, value: Span, *, is_header: bool) -> Node:
        return parent.children.setdefault(key, Node(span, value, is_header=is_header))

    def newest(self, node: Node) -> Node:
        """`[routes.limits]` below [[routes]] is of the last one."""
        last = len(node.children) - 1
        return node.children.get(last, node)


def _name(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    if not key.startswith('"'):
        return key
    import tomllib  # noqa: PLC0415 - for a quoted key, whose escapes it knows

    try:
        return next(iter(tomllib.loads(f"{key} = 0")))
    except tomllib.TOMLDecodeError:
        return key[1:-1]
