"""What is wrong with a file that is not TOML, in words that help.

tomllib says where it gave up, which is often behind the mistake, and little of why. Here the mistake is looked for.
"""

import re
import tomllib

from app.config.broken import Broken
from app.config.diagnostics import Diagnostic, Excerpt
from app.config.mistakes import MISTAKES
from app.config.secrecy import masked_line
from app.config.spans import Lines, Span

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def explain(name: str, text: str, error: tomllib.TOMLDecodeError) -> Diagnostic:
    """The mistake that tomllib met in a text whose line ends are LF."""
    lines = Lines(text)
    span, message = _find(Broken(text, lines, *_offset(text, lines, str(error))))
    shown = masked_line(lines.lines, span.line)
    line = lines.lines[span.line - 1]
    end = span.end if shown == line else min(span.end, len(shown) + 1)
    excerpt = Excerpt(shown, min(span.column, len(shown) + 1), max(end, min(span.column, len(shown) + 1) + 1))
    return Diagnostic("", message, "error", name, span.line, span.column, excerpt)


def undecodable(name: str, content: bytes, error: UnicodeDecodeError) -> Diagnostic:
    """A file in another encoding than UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        return Diagnostic("", "the file is UTF-16; save it as UTF-8", "error", name, 1, 1)
    line = content.count(b"\n", 0, error.start) + 1
    start = content.rfind(b"\n", 0, error.start) + 1
    column = len(content[start : error.start].decode("utf-8-sig", "replace")) + 1
    message = f"not UTF-8 (byte {content[error.start]:02X} in hexadecimal); save the file as UTF-8"
    return Diagnostic("", message, "error", name, line, column)


def carriage_return(name: str, text: str) -> Diagnostic:
    """A file with the line ends of old Macs."""
    line = text.replace("\r", "\n").count("\n", 0, text.index("\r")) + 1
    column = text.index("\r") - text.rfind("\n", 0, text.index("\r"))
    message = "a line that ends with CR alone; save the file with line ends as on Linux (LF) or Windows (CRLF)"
    return Diagnostic("", message, "error", name, line, column)


def _offset(text: str, lines: Lines, message: str) -> tuple[int, str]:
    found = _POSITION.search(message)
    reason = _POSITION.sub("", message)
    if not found or found[1] is None:
        return len(text.rstrip()), reason
    before = sum(len(line) + 1 for line in lines.lines[: int(found[1]) - 1])
    return min(before + int(found[2]) - 1, len(text)), reason


def _find(broken: Broken) -> tuple[Span, str]:
    for look in MISTAKES:
        if found := look(broken):
            return found
    return broken.here(broken.column, broken.column + 1), f"not TOML: {broken.reason[:1].lower()}{broken.reason[1:]}"
