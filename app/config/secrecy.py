"""What no error, no excerpt and no `config show` may hold (G12): tokens, secrets, headers, passwords in URLs.

Decided by the name of a key, so that a misspelt one or one in the wrong table is hidden too.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.config.tree import is_source, leaves
from app.rules.compiler import Place

MASK = "***"
PEM = "-----BEGIN"  # of a key that stands where its file should be named

_SHORTEST = 6  # characters of a secret that is looked for elsewhere
_SECRET = re.compile(r"token|secret|passw|passphrase|auth|header|credential|api_?key|cookie", re.IGNORECASE)
_URL = re.compile(r"url|webhook", re.IGNORECASE)
_PUBLIC = ("signature", "country", "application", "log_incoming_messages", "answer_url", "api_url")  # of [plivo]
_TEXTS = ("keywords", "vars", "tests")  # below these, names are the owner's words
_NAMED = ("rules", "targets", "schedules")  # below these, the next name is
_ASSIGNED = re.compile(
    r"""^\s*(?:\[+\s*(?P<table>[\w.\s-]+(?:"[^"]*"[\w.\s-]*)*)|(?P<key>[\w."'-]+)\s*(?P<rest>=.*))"""
)
_STRING = re.compile(r"""(?P<quote>["'])(?:(?!(?P=quote)).)*(?P=quote)?""")


def is_secret(place: Place) -> bool:
    """Whether the value of a key must not be shown."""
    names = [key for key in place if isinstance(key, str)]
    if names[:1] == ["plivo"] and len(names) > 1 and names[1] not in _PUBLIC:
        return True
    for name in [*names[:1], *names[2:]] if names[:1] and names[0] in _NAMED else names:
        if name in _TEXTS:
            return False
        if _SECRET.search(name):
            return True
    return False


def is_url(place: Place) -> bool:
    """Whether the value may hold a password among other things."""
    names = [key for key in place if isinstance(key, str)]
    return bool(names) and bool(_URL.search(names[-1])) and not set(names) & set(_TEXTS)


def secrets_in(data: Any, resolved: Callable[[Mapping[str, Any]], str | None]) -> Iterator[str]:
    """The secrets themselves, so that they are hidden where they were pasted by mistake, too."""
    for place, value in leaves(data):
        if is_source(value):
            found = resolved(value) if is_secret(place) else None
        else:
            found = value if isinstance(value, str) and (is_secret(place) or PEM in value) else None
        if found and len(found.strip()) >= _SHORTEST:
            yield found.strip()


def masked(place: Place, value: Any) -> Any:
    """The value as it may be shown; what is read from elsewhere stays as it is."""
    if isinstance(value, str):
        return MASK if is_secret(place) or PEM in value else masked_url(value) if is_url(place) else value
    if is_source(value):
        return {key: MASK if key == "default" and is_secret(place) else one for key, one in value.items()}
    if isinstance(value, Mapping):
        return {key: masked((*place, key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked((*place, index), one) for index, one in enumerate(value)]
    return MASK if is_secret(place) and value is not None else value


def masked_url(url: str) -> str:
    """A URL without its user, password, query and fragment."""
    head, mark = url, ""
    if found := re.search(r"[?#]", url):
        head, mark = url[: found.start()], f"{found[0]}{MASK}"
    if "@" in head:
        scheme = re.match(r"[a-zA-Z+]+://", head)
        head = f"{scheme[0] if scheme else ''}{MASK}@{head.rpartition('@')[2]}"
    return head + mark


def masked_line(lines: list[str], number: int) -> str:
    """A line of a file that is no TOML: what stands at a secret key is masked, as far as can be told."""
    line = lines[number - 1]
    table, key, rest = _nearest(lines, number)
    place = tuple(part.strip(" \"'") for part in (*table.split("."), *key.split(".")) if part)
    if is_secret(place) or (_SECRET.search(line) and not set(place) & set(_TEXTS)):
        return f"{line[: len(line) - len(rest)]}= {MASK}" if rest else re.sub(r"\S.*", MASK, line)
    return _STRING.sub(lambda found: masked_string(found[0]), line) if "://" in line else line


def masked_string(raw: str) -> str:
    """A URL in quotes, as `masked_url`."""
    bare = raw.strip("\"'")
    return raw.replace(bare, masked_url(bare)) if bare else raw


def _nearest(lines: list[str], number: int) -> tuple[str, str, str]:
    """The table and the key that a line belongs to, and what stands behind that key on this line."""
    key = rest = ""
    for index in range(number - 1, -1, -1):
        found = _ASSIGNED.match(lines[index])
        if found and found["table"]:
            return found["table"], key, rest
        if found and not key:
            key, rest = found["key"], found["rest"] if index == number - 1 else ""
    return "", key, rest
