"""Parse query strings and form bodies into parameters, strictly and in wire order.

Plivo sends application/x-www-form-urlencoded; multipart is accepted too. Whatever a lenient parser would guess at
(broken percent-encoding, text that is not UTF-8) is refused: where one request can be read in two ways, signatures can
be bypassed.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.plivo.messages import Parameters
from app.plivo.refusals import Malformed, Unsupported

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELDS = 1_000  # the same as Django's DATA_UPLOAD_MAX_NUMBER_FIELDS; Plivo sends about 20
MAX_PEEK = 64  # bytes of a value
MAX_OPTIONS_HEADER = 256  # bytes of a Content-Type or Content-Disposition; parsing one of 31 KB takes 20 ms
MAX_OPTIONS = 8  # of such a header; parsing time grows with their square

_URLENCODED = b"application/x-www-form-urlencoded"
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def urlencoded(raw: bytes) -> Parameters:
    """Parse a query string or an urlencoded body. Raises `Malformed`.

    Accepts what `urllib.parse.parse_qsl` accepts, in a third of the time: most fields need no decoding.
    """
    if not raw:
        return ()
    if _BROKEN_ESCAPE.search(raw):
        message = "broken percent-encoding"
        raise Malformed(message)
    if raw.count(b"&") >= MAX_FIELDS:
        message = f"more than {MAX_FIELDS} fields"
        raise Malformed(message)
    try:
        return tuple(_pairs(raw.decode()))
    except UnicodeDecodeError:
        message = "the parameters are not UTF-8"
        raise Malformed(message) from None


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for field in text.split("&"):
        name, _, value = field.partition("=")
        if "%" in field or "+" in field:
            name, value = _decoded(name), _decoded(value)
        if field:
            pairs.append((name, value))
    return pairs


def _decoded(text: str) -> str:
    text = text.replace("+", " ")
    return unquote_to_bytes(text).decode() if "%" in text else text


def peek(raw: bytes, name: bytes) -> bytes:
    """Return the first value of a field of urlencoded parameters, undecoded; b"" if it is missing or over `MAX_PEEK`.

    It searches and does not parse, so the value is only a hint at what to try first.
    """
    start = raw.find(b"&%s=" % name) + 1
    if not start and not raw.startswith(b"%s=" % name):
        return b""
    value = raw[start + len(name) + 1 :].partition(b"&")[0]
    return value if len(value) <= MAX_PEEK else b""


def parser_of(content_type: bytes) -> Callable[[bytes], Parameters]:
    """Return the parser for a body of this content type. Raises `Unsupported` or `Malformed`."""
    if content_type == _URLENCODED:  # as Plivo writes it
        return urlencoded
    if _costs_too_much(content_type):
        message = f"Content-Type too long: {len(content_type)} bytes, {content_type.count(b';')} options"
        raise Unsupported(message)
    kind, options = parse_options_header(content_type)
    if kind == _URLENCODED:
        return urlencoded
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            message = "multipart body without a boundary"
            raise Malformed(message)
        return lambda body: _multipart(body, boundary)
    message = f"unsupported content type {kind.decode('latin-1') or 'missing'!r}"
    raise Unsupported(message)


def _costs_too_much(header: bytes) -> bool:
    return len(header) > MAX_OPTIONS_HEADER or header.count(b";") > MAX_OPTIONS


def _multipart(body: bytes, boundary: bytes) -> Parameters:
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, cast("MultipartCallbacks", parts.callbacks()))
        parser.write(body)
        parser.finalize()
    except FormParserError:
        parts.ended = False
    if not parts.ended:
        message = "broken multipart body"
        raise Malformed(message)
    try:
        return tuple((name.decode(), value.decode()) for name, value in parts.fields)
    except UnicodeDecodeError:
        message = "the parameters are not UTF-8"
        raise Malformed(message) from None


class _Parts:
    """The fields of one multipart body, collected by parser callbacks.

    Every part is a field, even one with a file name.
    """

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.ended = False
        self._header = self._value = self._disposition = self._data = b""

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return the callbacks that `MultipartParser` expects."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("_header", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._add("_data", data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._header = self._value = self._disposition = self._data = b""

    def _add(self, part: str, data: bytes) -> None:
        setattr(self, part, getattr(self, part) + data)

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _end(self) -> None:
        header = b"" if _costs_too_much(self._disposition) else self._disposition
        name = parse_options_header(header)[1].get(b"name")
        if name is None:
            message = "a part of the multipart body has no name"
            raise Malformed(message)
        self.fields.append((name, self._data))
        if len(self.fields) > MAX_FIELDS:
            message = f"more than {MAX_FIELDS} fields"
            raise Malformed(message)

    def _finish(self) -> None:
        self.ended = True
