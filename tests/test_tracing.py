"""The trace of a message."""

import re

from app.tracing import trace_id, traceparent

UUID = "00000000-0000-0000-0000-000000000001"
FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01")  # https://www.w3.org/TR/trace-context/


def test_requests_of_one_message_share_a_trace() -> None:
    """Each has a parent ID of its own; another message has another trace."""
    one, two = traceparent(UUID, f"{UUID}.menu"), traceparent(UUID, f"{UUID}.bot")
    assert FORM.fullmatch(one)
    assert FORM.fullmatch(two)
    assert one != two
    assert {one.split("-")[1], two.split("-")[1]} == {trace_id(UUID)} != {trace_id("another")}
