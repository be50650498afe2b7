"""The mistakes that people make in TOML, each looked for in a text that is not TOML.

A function returns where the mistake is and what to do, or None if it is another one.
"""

import re
import unicodedata
from collections.abc import Callable

from app.config.broken import PAIR, TOKEN, Broken, open_brackets
from app.config.duplicates import second
from app.config.spans import Span

_BAD_ESCAPE = re.compile(r'\\(?:u(?![0-9A-Fa-f]{4})|U(?![0-9A-Fa-f]{8})|[^btnfr"\\uU])')
_CURLY = "“”„‟‘’‚‛«»`´＂"  # noqa: RUF001 - what word processors write

UNCLOSED_LIST = "a list that begins here has no ] at its end; write it there"

Found = tuple[Span, str]


def _invisible(broken: Broken) -> Found | None:
    """Blanks that are none to TOML, and characters that nobody sees."""
    for column in (broken.column, broken.column - 1):
        character = broken.line[column : column + 1]
        if character and character not in " \t" and unicodedata.category(character) in ("Zs", "Cf", "Cc", "Zl", "Zp"):
            what = "a blank that TOML does not know" if character.isspace() else "an invisible character"
            span = broken.here(column, column + 1)
            return span, f"{what} (U+{ord(character):04X}); delete it, or write a plain blank"
    return None


def _curly(broken: Broken) -> Found | None:
    """Quotes of word processors, where a text begins or a key stands."""
    start = broken.column
    if broken.line[start : start + 1] not in (*_CURLY,) or not broken.line[start : start + 1]:
        return None
    return broken.here(start, start + 1), f'a curly quote ({broken.line[start]}); write plain quotes: "'


def _twice(broken: Broken) -> Found | None:
    if not re.match(r"Cannot|Duplicate", broken.reason):
        return None
    return second(broken.text, broken.row + 1, broken.column + 1)


def _escape(broken: Broken) -> Found | None:
    if not re.match(r"Unescaped|Invalid hex|Escaped", broken.reason):
        return None
    found = list(_BAD_ESCAPE.finditer(broken.line))
    column = found[0].start() if found else broken.column
    advice = r"write \\ for a backslash, or put the text into '..', where it is a character like any other"
    return broken.here(column, column + 2), f"a backslash in a text in double quotes begins an escape; {advice}"


def _header(broken: Broken) -> Found | None:
    """`[server`, `[[routes]`, and names that need quotes."""
    name = broken.line.strip()
    if not name.startswith("[") or broken.line[: broken.column].count("=") or open_brackets(broken):
        return None
    start = len(broken.line) - len(broken.line.lstrip())
    inner = name.strip("[] ")
    brackets = 2 if name.startswith("[[") else 1
    if not inner:
        return broken.here(start), "a header without a name; write it as [server]"
    if not re.fullmatch(r'[A-Za-z0-9_.\s"\'-]+(?:#.*)?', inner) or " " in inner:
        parts = ".".join(
            f'"{part}"' if not re.fullmatch(r"[\w-]+", part, re.ASCII) else part for part in inner.split(".")
        )
        header = f"{'[' * brackets}{parts}{']' * brackets}"
        message = f"a name with other characters than a-z, 0-9, - and _ needs quotes; write {header}"
        return broken.here(start), message
    span = broken.here(start)
    return span, f"the brackets of this header do not match; write {'[' * brackets}{inner}{']' * brackets}"


def _unclosed_text(broken: Broken) -> Found | None:
    """A text that has no end, or that ends where a quote inside it stands."""
    for token in TOKEN.finditer(broken.text):
        if token["open"] and token.start() <= broken.offset:
            span = broken.lines.span(token.start(), broken.text.find("\n", token.start()) % (len(broken.text) + 1))
            if _is_word(broken.text, token.start()):  # don't
                return None
            quote = token["open"]
            return span, f"a text that begins with {quote} and has no {quote} at its end; write it there"
        if token.start() > broken.offset:
            return None
    return None


def _unclosed_list(broken: Broken) -> Found | None:
    """A list or an inline table that goes on into the next key."""
    opened = open_brackets(broken)
    if not opened:
        return None
    span = broken.lines.span(opened[-1], opened[-1] + 1)
    bracket = broken.text[opened[-1]]
    if bracket == "[":
        if span.line - 1 < broken.row and PAIR.match(broken.line):
            return span, UNCLOSED_LIST
        if broken.reason == "Unclosed array" and broken.offset < len(broken.text.rstrip()):
            span = broken.here(broken.column, broken.column + 1)
            return span, "a comma is missing between two elements of a list, or the ] at its end"
        return (span, UNCLOSED_LIST) if "Unclosed" in broken.reason else None
    if ":" in broken.line[broken.column : broken.column + 2]:
        return broken.here(broken.column, broken.column + 1), 'a colon; write key = value, as { env = "NAME" }'
    if "Invalid initial" in broken.reason or "Unclosed inline" in broken.reason:
        advice = "write { a = 1, b = 2 }, or [table] and a line for each key"
        return span, f"a table in braces stands on one line, with no comma before the }}; {advice}"
    return None


def _key(broken: Broken) -> Found | None:
    if not re.match(r"Expected '='|Invalid statement|Invalid initial", broken.reason):
        return None
    line = broken.line.strip()
    start = len(broken.line) - len(broken.line.lstrip())
    name, colon, _ = line.partition(":")
    if line.startswith(("//", "/*", "--", ";")):
        return broken.here(start), "a comment begins with #"
    if colon and re.fullmatch(r"[\w.\s\"'-]+", name):
        return broken.here(start + len(name), start + len(name) + 1), f"a colon behind a key; write {name.strip()} = .."
    if re.match(r"""[\w.-]+\s+["'\[{\d]""", line) and "=" not in line:
        return broken.here(start), f"no = behind the key; write {line.split()[0]} = .."
    name, equals, _ = line.partition("=")
    if equals and name.strip():
        advice = f'a key with other characters than a-z, 0-9, - and _ needs quotes; write "{name.strip()}" = ..'
        return broken.here(start, start + len(name.rstrip())), advice
    if equals:
        return broken.here(start), "a value without a key; write key = value"
    return broken.here(start), f"neither a key nor a header nor a comment{broken.quoted(line)}; write key = value"


def _value(broken: Broken) -> Found | None:
    """What stands where a value must begin."""
    if not broken.reason.startswith(("Invalid value", "Invalid date")):
        return None
    rest = broken.line[broken.column :].partition("#")[0].rstrip()
    if not rest:
        return broken.here(max(broken.column - 1, 0)), "no value; write one behind the =, a text in quotes"
    word = re.split(r"[,\]}]", rest)[0].strip()
    span = broken.here(broken.column, broken.column + len(word or rest))
    if re.fullmatch(r"(?i)true|false|yes|no|on|off", word):
        return span, f"{word} is no value of TOML; write true or false, in lower case"
    if re.fullmatch(r"(?i)none|null|nil", word):
        return span, f"{word} is no value of TOML; leave the key out"
    if found := re.fullmatch(r"""(?:\$\{?|env\(["']?)(\w+)["')}]*""", word):
        return span, f'{word} is no value of TOML; write {{ env = "{found[1]}" }}'
    if re.match(r"\d{4}-\d\d", word):
        return span, f"no such date{broken.quoted(word)}"
    return span, f"a text without quotes{broken.quoted(word)}; write it in quotes"


def _behind(broken: Broken) -> Found | None:
    """A value ended, and something follows it."""
    if not broken.reason.startswith("Expected newline"):
        return None
    start = broken.value_at
    value, rest = broken.line[start:].partition("#")[0].rstrip(), broken.line[broken.column :].strip()
    whole = broken.here(start, start + len(value))
    if re.match(r"[+-]?0\d", value):
        return whole, f"a number with a leading 0{broken.quoted(value)}; a phone number is a text in quotes"
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return whole, f"no such date{broken.quoted(value)}"
    if not value.startswith(('"', "'", "[", "{")) and not PAIR.match(rest):
        return whole, f"a text without quotes{broken.quoted(value)}; write it in quotes"
    if rest.startswith((",", ";")):
        span = broken.here(broken.column, broken.column + 1)
        return span, f"a {'comma' if rest[0] == ',' else 'semicolon'} behind the value; delete it"
    if PAIR.match(rest):
        return broken.here(broken.column), "a second key on the line; each key has a line of its own"
    if value.startswith('"'):
        return (
            whole,
            r"""a text that ends before the line does; write a quote inside it as \", or put '..' around the text""",
        )
    return broken.here(broken.column), f"something behind the value{broken.quoted(rest)}; nothing stands there"


def _is_word(text: str, offset: int) -> bool:
    """Whether an apostrophe stands inside a word."""
    return text[offset - 1 : offset].isalpha() and text[offset + 1 : offset + 2].isalpha()


MISTAKES: tuple[Callable[[Broken], Found | None], ...] = (  # in the order in which they are looked for
    _invisible,
    _curly,
    _twice,
    _escape,
    _header,
    _unclosed_text,
    _unclosed_list,
    _key,
    _value,
    _behind,
)
