"""The status of an answer is read as soon as its line is in, however its bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http_client.status_line import LIMIT, StatusLine

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def _status(*pieces: bytes) -> int | None:
    line = StatusLine()
    for piece in pieces:
        line.feed(piece)
    return line.status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n", 204),
        (b"HTTP/1.0 200 OK\r\n", 200),
        (b"HTTP/1.1 200\r\n", 200),
        (b"HTTP/1.1 200 \r\n", 200),
        (b"HTTP/1.1 200 OK\n", 200),
        (b"HTTP/1.1 200 \xff\xfe\r\n", 200),
        (b"HTTP/1.1 999 x\r\n", 999),
        (HINT + b"HTTP/1.1 202 x\r\nnonsense", 202),
        (b"HTTP/1.1 100 Continue\n\nHTTP/1.1 404 x\r\n", 404),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + b"HTTP/1.1 500 x\r\n", 500),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 x\r\n", 200),
        (b"HTTP/1.1 204 No Content", None),
        (b"HTTP/1.1 20", None),
        (HINT, None),
        (b"HTTP/1.1 100 x\r\nHTTP/1.1 200 OK\r\n", None),  # a header, however odd, of the interim answer
        (b"HTTP/9.9 200 OK\r\n", None),
        (b"HTTP/1.1 2000 OK\r\n", None),
        (b"HTTP/1.1 099 x\r\n", None),
        (b"HTTP/1.1  200 OK\r\n", None),
        (b"\r\nHTTP/1.1 200 OK\r\n", None),
        (b"220 mail.example ESMTP\r\nHTTP/1.1 200 OK\r\n", None),
        (b"", None),
    ],
)
def test_the_first_final_status_counts(data: bytes, status: int | None) -> None:
    """Interim answers are skipped; what is no complete status line of HTTP/1 is none; cut to bytes it is the same."""
    assert _status(data) == status
    if len(data) < 1_000:
        assert _status(*(bytes([byte]) for byte in data)) == status


@given(st.lists(st.sampled_from([HINT, b"HTTP/1.1 200 OK\r\n", b"x", b"\r\n", b"HTTP/1.1 100 x\r\n"])), st.data())
def test_cuts_do_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    """TCP may cut a head anywhere."""
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert _status(*pieces) == _status(whole)


@pytest.mark.parametrize("endless", [b"x", b"HTTP/1.1 200 ", b"HTTP/1.1 103 x\r\nX: "])
def test_what_never_ends_is_not_kept(endless: bytes) -> None:
    """A receiver that sends no end of a line takes no memory, and what follows is no status."""
    line = StatusLine()
    for _ in range(100):
        line.feed(endless + b"y" * LIMIT)
    line.feed(b"\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert line.status is None
    assert len(line._unread) <= 2 * LIMIT + len(endless)  # noqa: SLF001 - memory has no other face
