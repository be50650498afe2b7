"""Cursors: where the next page of a list begins, as a text that callers hand back unread."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from app.operations.errors import OperationRefused

_INSIDE = re.compile(r"([a-z]+):(\d{1,18})")


def cursor(kind: str, position: int | None) -> str | None:
    """Return the cursor of a position in a list of this kind; None if there is no next page."""
    return None if position is None else urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def position(kind: str, text: str | None) -> int | None:
    """Return the position of a cursor; None for the first page. Raises `OperationRefused` for a text that is none."""
    if text is None:
        return None
    try:
        inside = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        inside = ""
    found = _INSIDE.fullmatch(inside)
    if found is None or found[1] != kind:
        raise OperationRefused('no such cursor; use "next" of the page before, unchanged')
    return int(found[2])
