"""The main job, from outside: a signed message in, XML out, its report at the target."""

from pathlib import Path
from xml.etree import ElementTree as ET

from support import plivo_sdk, process, receiver


def test_message_is_answered_and_its_report_forwarded(tmp_path: Path) -> None:
    """A signed message gets the XML of its route; the report of that answer reaches the target."""
    with (
        receiver.receiving() as crm,
        process.served(tmp_path, f'{process.MINIMAL}\n[targets.crm]\nurl = "{crm.url}/hook"') as service,
    ):
        params = plivo_sdk.message()
        status, xml = process.call(
            service, "POST", "/message", params, plivo_sdk.headers("POST", "https://sms.example.com/message", params)
        )
        message = ET.fromstring(xml).find("Message")
        assert (status, message is not None and message.text) == (200, "Thanks, we got your message.")
        assert message is not None
        callback = message.attrib["callbackUrl"]
        params = plivo_sdk.report()
        status, _ = process.call(
            service,
            "POST",
            callback.removeprefix("https://sms.example.com"),
            params,
            plivo_sdk.headers("POST", callback, params),
        )
        assert status == 200
        assert crm.wait_for(lambda received: len(received) == 1)[0].path == "/hook"
        assert service.stop() == 0
