"""Flask with Plivo's SDK, as Plivo's documentation shows it; served by gunicorn."""

from flask import Flask, Response, request
from one_row import store
from plivo import plivoxml
from plivo.utils import validate_signature

URL, TOKEN = "https://sms.example.com/message", "test-auth-token"
app = Flask(__name__)


@app.post("/message")
def message() -> Response:
    """Plivo's message_url."""
    headers, fields = request.headers, request.form
    if not validate_signature(URL, headers["X-Plivo-Signature-V2-Nonce"], headers["X-Plivo-Signature-V2"], TOKEN):
        return Response(status=403)
    answer = plivoxml.ResponseElement()
    answer.add(plivoxml.MessageElement("Got it.", src=fields["To"], dst=fields["From"]))
    xml = answer.to_string()
    store(fields["MessageUUID"], fields["From"], fields["To"], fields["Text"], xml)
    return Response(xml, mimetype="application/xml")
