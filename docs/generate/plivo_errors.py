"""plivo-error-codes.md: Plivo's error codes, as delivery reports have them, from app/plivo/errors.py."""

from app.plivo.errors import TEXTS
from generate.tables import table

HEAD = """\
<!-- Made from app/plivo/errors.py and docs/generate/plivo_errors.py. Edit those, then: make reference -->

# Plivo's error codes

A delivery report with the status `failed` or `undelivered` has an `ErrorCode`. The service passes it on as
`error_code`, with the text below as `error_text`, and `history` shows both. An empty code, and `000`, mean that there
was no error.

[Plivo's own list](https://www.plivo.com/docs/messaging/concepts/error-codes) is open-ended. A code that is not in this
table has the `error_text` null.

"""

ADVICE = {
    "10": "Look at the text in `history`. Plivo accepts at most 1,600 characters of GSM-7, or 737 of others",
    "20": "Nothing: a carrier's network failed. If it goes on, ask Plivo",
    "30": "Change the text: links and repeated texts look like spam. In the USA, register the number for 10DLC",
    "40": "The sender must be a number of your account that can send SMS: `plivo-autoreply doctor`",
    "50": "Nothing for one person. For many, look at how they wrote to you: a landline cannot get SMS",
    "60": "Plivo stopped two machines that answered each other. Lower `[limits] same_text`, or exclude the sender with "
    "a `silence` rule",
    "70": "The number does not exist any more, or does not get SMS",
    "80": "Nothing: the phone was off or out of reach",
    "90": "Ask Plivo whether your number can reach this country",
    "100": "The carrier refuses your number or your text. In the USA and Canada, look at the number's registration",
    "110": "Shorten the text. `[limits] max_units` keeps replies below Plivo's limit",
    "200": "Nothing: the person has told Plivo STOP. The service has recorded the opt-out",
    "201": "Reply to Canadians from another number, with `src` in a rule",
    "300": "Nothing: Plivo could not hand the message over. If it goes on, ask Plivo",
    "420": "The message waited in Plivo's queue for over 3 hours. The number sends more than its rate allows",
    "450": "Allow the country in Plivo's console, under geo permissions",
    "900": "Add credit to the Plivo account. Until then nothing is sent",
    "910": "Ask Plivo's support. Until then nothing is sent",
    "1000": "Ask Plivo's support, with the MessageUUID of the report",
}


def page() -> str:
    """Return the whole page."""
    rows = ((f"`{code}`", text, ADVICE[code]) for code, text in TEXTS.items())
    return HEAD + table(("code", "text", "what to do"), rows) + "\n"
