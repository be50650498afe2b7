"""One trace for a message: the webhook that was asked, the copy, the report on the reply, and the log."""

from pathlib import Path

from support import plivo_sdk, process, receiver, wire

CONFIG = """
[[routes]]
to = "*"
rules = ["bot", "ack"]
[rules.bot]
webhook = "{url}/bot"
[rules.ack]
text = "Got it."
[targets.crm]
url = "{url}/crm"
send = ["reports", "messages"]
"""


def test_everything_about_a_message_is_one_trace(tmp_path: Path) -> None:
    """Each request has a parent ID of its own, and the log names the trace."""
    params = wire.message()
    uuid = dict(params)["MessageUUID"]
    with (
        receiver.receiving() as inbox,
        process.served(tmp_path, process.HEAD + CONFIG.format(url=inbox.url)) as service,
    ):
        assert wire.tell(service, params)[0] == 200
        assert wire.tell(service, plivo_sdk.report(), f"/report/{uuid}")[0] == 200
        requests = inbox.wait_for(lambda received: len(received) == 3)
        (answered,), (stored,) = service.wait_for("answered"), service.wait_for("report stored")
    parts = [request.headers["traceparent"].split("-") for request in requests]
    assert {trace for _, trace, _, _ in parts} == {answered["trace_id"]} == {stored["trace_id"]}
    assert len({parent for _, _, parent, _ in parts}) == 3
