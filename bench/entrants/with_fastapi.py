"""FastAPI with Plivo's SDK, as Plivo's documentation shows it: validate the signature, answer with its XML classes."""

import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form, Header, Response
from one_row import store
from plivo import plivoxml
from plivo.utils import validate_signature

URL, TOKEN = "https://sms.example.com/message", "test-auth-token"
app = FastAPI()


@app.post("/message")
def message(
    uuid: Annotated[str, Form(alias="MessageUUID")],
    sender: Annotated[str, Form(alias="From")],
    to: Annotated[str, Form(alias="To")],
    text: Annotated[str, Form(alias="Text")],
    signature: Annotated[str, Header(alias="X-Plivo-Signature-V2")],
    nonce: Annotated[str, Header(alias="X-Plivo-Signature-V2-Nonce")],
) -> Response:
    """Plivo's message_url. A plain function: FastAPI runs it in its thread pool, where it may block."""
    if not validate_signature(URL, nonce, signature, TOKEN):
        return Response(status_code=403)
    answer = plivoxml.ResponseElement()
    answer.add(plivoxml.MessageElement("Got it.", src=to, dst=sender))
    xml = answer.to_string()
    store(uuid, sender, to, text, xml)
    return Response(xml, media_type="application/xml")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="error")
