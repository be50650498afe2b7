"""Render pages: the templates, and what they may use. Everything that strangers wrote is escaped and made visible."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from app import __version__
from app.operations.escape import is_safe
from app.operations.history import sent_by
from app.operations.timeline import ending, report_in_words
from app.operations.times import span_in_words
from app.plivo import units
from app.plivo.numbers import show
from app.web.console import charts, notices

HERE = Path(__file__).parent
ZONE_COOKIE = "autoreply_zone"  # written by console.js: the time zone of the browser
KEPT = "\n\t"  # what a text may hold besides visible characters


class Views:
    """The templates of one console, with the digest of each static file for its URL."""

    def __init__(self, statics: dict[str, str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            finalize=harmless,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "number": show,
            "text": visible,
            "costly": costly,
            "clock": clock,
            "moment": moment,
            "span": span_in_words,
            "plural": plural,
            "bytes": size,
        }
        self._environment.globals |= {
            "version": __version__,
            "static": lambda name: f"/console/static/{name}?{statics[name]}",
            "draw": charts.draw,
            "swatch": charts.swatch,
            "busy_slots": charts.busy_slots,
            "ending": ending,
            "report_in_words": report_in_words,
            "sent_by": sent_by,
            "units_of": units.count,
        }

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """Return a page. Templates also get the request, the form token and the zone of the browser."""
        form_token = getattr(request.state, "form_token", "")
        common = {
            "request": request,
            "logged_in": bool(getattr(request.state, "session", None)),
            "zone": (zone := zone_of(request)),
            "zone_name": _name_of(zone),
            "now": time.time(),
            "csrf": lambda: Markup('<input type="hidden" name="form_token" value="{}">').format(form_token),
            "notice": (notice := notices.take(request)),
        }
        response = HTMLResponse(self._environment.get_template(template).render(common | context), status)
        if notice:
            notices.forget(response)
        return response


def zone_of(request: HTTPConnection) -> tzinfo:
    """Return the time zone of the browser; without JavaScript that of the server."""
    try:
        return ZoneInfo(request.cookies[ZONE_COOKIE].replace("%2F", "/"))
    except (KeyError, ValueError, OSError, ZoneInfoNotFoundError):
        return datetime.now(UTC).astimezone().tzinfo or UTC


def _name_of(zone: tzinfo) -> str:
    """Return the name of a zone with its offset now: "Europe/Paris (+01:00)"."""
    now = datetime.now(zone)
    return f"{getattr(zone, 'key', None) or now.tzname()} ({now.isoformat()[-6:]})"


@pass_context
def clock(context: Context, seconds: float | None) -> Markup:
    """Return a time with its day: "27 Nov 10:00:03", and the year where it is another one."""
    return _time(context, seconds, "%-d %b %H:%M:%S")


@pass_context
def moment(context: Context, seconds: float | None) -> Markup:
    """Return a time of day: "10:00:03"."""
    return _time(context, seconds, "%H:%M:%S")


def _time(context: Context, seconds: float | None, form: str) -> Markup:
    if seconds is None:
        return Markup("&ndash;")
    at = datetime.fromtimestamp(seconds, UTC).astimezone(context["zone"])
    now = datetime.fromtimestamp(context["now"], UTC).astimezone(context["zone"])
    shown = at.strftime(form if at.year == now.year else "%-d %b %Y %H:%M:%S")
    whole = at.isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(whole, whole, shown)


def size(count: int) -> str:
    """Return a number of bytes as an operator reads it: "41.2 GiB"."""
    for bytes_, unit in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count:,} bytes"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return "1 message", "2 messages"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def harmless(value: Any) -> Any:
    """Return what a template shows without the characters that could hide or turn a line around: titles, fields."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(one if is_safe(one) or one in KEPT else f"U+{ord(one):04X}" for one in value)


def visible(text: str | None, longest: int | None = None) -> Markup:
    """Return a text of a stranger: isolated, cut to `longest` characters, what could hide or turn a line around named.

    See Unicode TR 36.
    """
    if text is None:
        return Markup('<span class="muted">text not kept</span>')
    shown, rest = (text[:longest], len(text) - longest) if longest else (text, 0)
    inner = Markup("").join(_character(one) for one in _runs(shown))
    return Markup("<bdi>{}{}</bdi>").format(inner, "…" if rest > 0 else "")


def _runs(text: str) -> Sequence[str]:
    """Return the text in runs of harmless characters, and single ones that are not."""
    runs, start = [], 0
    for index, character in enumerate(text):
        if not (is_safe(character) or character in KEPT):
            runs += [text[start:index], character]
            start = index + 1
    return [*runs, text[start:]]


def _character(run: str) -> Markup:
    if len(run) == 1 and not (is_safe(run) or run in KEPT):
        return Markup('<span class="control">U+{}</span>').format(f"{ord(run):04X}")
    return escape(run)


def costly(text: str) -> Markup:
    """Return a text of ours with the characters marked that GSM-7 lacks, because one of them makes it cost more."""
    marked = {index for index, _ in units.costly(text)}
    mark = Markup('<mark class="costly" title="not in GSM-7: this makes the whole text UCS-2">{}</mark>')
    parts = (mark.format(_character(one)) if index in marked else _character(one) for index, one in enumerate(text))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(parts))
