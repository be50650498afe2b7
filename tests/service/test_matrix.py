"""G1 and G2 from outside: every way in which Plivo signs, over texts that break parsers, and their forgeries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from support import plivo_sdk, process, wire

Method = Literal["GET", "POST"]

TEXTS = {
    "ascii": "Hours?",
    "accents": "Où êtes-vous ? Ça va, à bientôt",
    "emoji": "👍🏽 ok 🇫🇷",
    "newline": "one\ntwo\r\nthree",
    "form": "&=+% a%20b;c=d&To=1",
    "empty": "",
}
EXTRA = [("Note", "b"), ("Note", "a"), ("Note", "")]  # a field that nobody knows, three times
CONFIG = """
[server]
public_url = "{url}"
[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
[[routes]]
to = "*"
text = "You said: {{text}}."
"""


@pytest.fixture(
    scope="module", params=["https://sms.example.com", "https://sms.example.com/a/b", "https://sms.example.com:8443"]
)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, process.Served]]:
    """A public URL, and the service that believes to be there."""
    with process.served(tmp_path_factory.mktemp("matrix"), CONFIG.format(url=request.param)) as service:
        yield request.param, service


def _params(text: str) -> list[tuple[str, str]]:
    params = wire.message(**({"Text": TEXTS[text]} if text in TEXTS else {}))
    return params if text in TEXTS else params + EXTRA


def _other(character: str) -> str:
    """Another byte in its place, of those that a nonce and a text may hold."""
    return "x" if character != "x" else "y"


@pytest.mark.parametrize("text", [*TEXTS, "extra"])
@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_plivo_signs_is_answered_and_what_was_changed_is_not(
    place: tuple[str, process.Served], method: Method, scheme: plivo_sdk.Scheme, text: str
) -> None:
    """Whatever Plivo's SDK signs gets its answer; the same with one signed byte changed gets 403."""
    public, service = place
    url, params = f"{public}/message", _params(text)
    headers = plivo_sdk.headers(method, url, params, scheme)
    for name, value in headers.items():  # a forgery must not profit from what was accepted before
        changed = {**headers, name: _other(value[0]) + value[1:]}
        assert process.call(service, method, "/message", params, changed)[0] == 403, name
    for name in ("From", "Text", params[-1][0]) if scheme.endswith("V3") else ():
        changed_params = [(field, value + "1" if field == name else value) for field, value in params]
        assert process.call(service, method, "/message", changed_params, headers)[0] == 403, name
    status, xml = process.call(service, method, "/message", params, headers)
    assert (status, wire.text_of(xml)) == (200, f"You said: {TEXTS.get(text, 'hello')}.")


def test_the_path_of_the_public_url_may_stay_or_be_stripped(place: tuple[str, process.Served]) -> None:
    """Proxies strip prefixes; what was signed is the public URL either way, with or without the last slash."""
    public, service = place
    prefix = "/" + "/".join(public.split("/")[3:]) if public.count("/") > 2 else ""
    for local in dict.fromkeys([prefix, ""]):
        for path in ("/message", "/message/"):
            params = wire.message()
            headers = plivo_sdk.headers("POST", f"{public}{path}", params)
            assert process.call(service, "POST", f"{local}{path}", params, headers)[0] == 200
        assert service.get(f"{local}/health")[0] == 200
    headers = plivo_sdk.headers("POST", f"{public}/message/", params := wire.message())
    assert process.call(service, "POST", "/message", params, headers)[0] == 403


def test_a_signature_says_nothing_about_another_place(place: tuple[str, process.Served]) -> None:
    """What was signed for another scheme, host, port or path is not accepted, whatever the Host header says."""
    public, service = place
    for url in (
        "http" + public.removeprefix("https"),
        public.replace("sms.", "other."),
        "https://sms.example.com:444",
        f"{public}/x",
        service.url,
    ):
        for scheme in plivo_sdk.SCHEMES:
            params = wire.message()
            headers = plivo_sdk.headers("POST", f"{url}/message", params, scheme)
            assert process.call(service, "POST", "/message", params, headers)[0] == 403, (url, scheme)


def test_a_v2_signature_cannot_be_used_for_other_words(tmp_path: Path) -> None:
    """V2 signs no words, so a captured one is bound to those that it came with, after a restart too."""
    url = f"{wire.PUBLIC}/message"
    schemes: tuple[plivo_sdk.Scheme, ...] = ("V2", "Ma-V2")
    messages = [wire.message() for _ in schemes]
    captured = [
        (params, plivo_sdk.headers("POST", url, params, scheme))
        for params, scheme in zip(messages, schemes, strict=True)
    ]
    answers = []
    for _ in range(2):
        with process.served(tmp_path) as service:
            for params, headers in captured:
                answers.append(process.call(service, "POST", "/message", params, headers))
                assert answers[-1][0] == 200
                forged = [(name, "send me money" if name == "Text" else value) for name, value in params]
                another = [(name, "stolen" if name == "MessageUUID" else value) for name, value in forged]
                for words in (forged, another):
                    assert process.call(service, "POST", "/message", words, headers)[0] == 403
                    assert process.call(service, "GET", "/message", words, headers)[0] == 403
    assert answers[:2] == answers[2:]


def test_a_report_cannot_be_forged_with_the_signature_of_another(place: tuple[str, process.Served]) -> None:
    """A captured V2 triple carries no other status, and no other path made of its nonce's first letters."""
    public, service = place
    params = plivo_sdk.report()
    forged = [(name, "failed" if name == "Status" else value) for name, value in params]
    nonce = "12345678901234567890"
    headers = plivo_sdk.headers("POST", f"{public}/report/in-reply-to", params, "V2", nonce=nonce)
    shifted = {**headers, "X-Plivo-Signature-V2-Nonce": nonce[1:]}  # signs the same bytes for /report/in-reply-to1
    assert process.call(service, "POST", "/report/in-reply-to", params, headers)[0] == 200
    assert process.call(service, "POST", "/report/in-reply-to", forged, headers)[0] == 403
    assert process.call(service, "POST", f"/report/in-reply-to{nonce[0]}", params, shifted)[0] == 403
    assert process.call(service, "POST", "/report/in-reply-to", params, headers)[0] == 200
