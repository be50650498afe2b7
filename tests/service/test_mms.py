"""Pictures: a message whose text stands in Body, and STOP beside a picture."""

from pathlib import Path

from support import plivo_sdk, process, wire
from support.process import MINIMAL


def test_mms_is_answered_and_opts_out(tmp_path: Path) -> None:
    """Body is the text of an MMS; STOP in Text counts as in an SMS, and the next message gets no answer."""
    picture = {"Type": "mms", "Media0": "https://m.example.com/0", "Media1": "https://m.example.com/1"}
    config = MINIMAL.replace("Thanks, we got your message.", "You said: {text}")
    with process.served(tmp_path, config) as service:
        answers = [
            wire.answered(service, plivo_sdk.message(**picture, **texts))
            for texts in ({"Text": "", "Body": "look"}, {"Text": "Stop"}, {"Text": "", "Body": "look"})
        ]
    assert answers == ["You said: look", "You will get no more messages. START to resume.", None]
