"""Read the status of a response as soon as its status line is in."""

import re

LIMIT = 16 * 1024  # bytes without a complete status line or interim head, after which reading stops

_LINE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r?\n")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_INTERIM = range(100, 200)


class StatusLine:
    """A parser for the status line of one response. Interim responses (1xx) are skipped.

    It ignores headers and bodies, so that no fault in them can hide the status.
    """

    __slots__ = ("_reading", "_unread", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self._unread = bytearray()
        self._reading = True

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the connection."""
        if not self._reading:
            return
        self._unread += data
        position = 0
        while line := _LINE.match(self._unread, position):
            status = int(line[1])
            if status not in _INTERIM:
                self.status = status
                break
            end = _END_OF_HEAD.search(self._unread, line.end() - 1)
            if end is None:
                break
            position = end.end()
        del self._unread[:position]
        self._reading = self.status is None and len(self._unread) <= LIMIT
