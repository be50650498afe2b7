"""The limit: a bare ASGI callable on the same uvicorn, which reads the body and answers a fixed XML."""

import sys
from typing import Any

import uvicorn

XML = b'<?xml version="1.0" encoding="UTF-8"?><Response><Message src="1" dst="2" type="sms">ok</Message></Response>'
HEADERS = [(b"content-type", b"application/xml"), (b"content-length", str(len(XML)).encode())]


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Answer everything."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": XML})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, lifespan="off", log_level="error"
    )
