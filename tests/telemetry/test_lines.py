"""Logs: one line an event, without whole numbers, control characters or local variables."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app import telemetry

FORMS: tuple[telemetry.LogFormat, ...] = ("json", "console")
CONTROLS = "a\nb\r\x00\x1b[31m\x7f\x85\u2028c"
SECRET = "hush"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logging of other tests is left as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """As a terminal does."""
        return True


def configured(form: telemetry.LogFormat = "json", level: str = "info", **more: Any) -> io.StringIO:
    """Logging into a string."""
    stream = io.StringIO()
    telemetry.configure(form, level, stream=stream, **more)
    return stream


def fields(stream: io.StringIO) -> dict[str, Any]:
    """The one JSON line."""
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_of_json() -> None:
    """One object a line: time in UTC, level, event, the logger's name and what else was given, in this order."""
    stream = configured()
    telemetry.get_logger("gate").warning("refused", status=403, reason="é")
    line = fields(stream)
    assert line.pop("timestamp").endswith("Z")
    assert list(line.items()) == [
        ("level", "warning"), ("event", "refused"), ("logger", "gate"), ("status", 403), ("reason", "é"),
    ]  # fmt: skip


def test_a_line_for_a_terminal() -> None:
    """The same, readable, without colours."""
    stream = configured("console")
    telemetry.get_logger("gate").warning("refused", status=403, path="/a b", limits=["x"], fault=None)
    (line,) = stream.getvalue().splitlines()
    time, _, rest = line.partition(" ")
    assert time.endswith("Z")
    assert " ".join(rest.split()) == "[warning ] refused logger=gate status=403 path='/a b' limits=['x'] fault=None"


@pytest.mark.parametrize(("kind", "first"), [(io.StringIO, r"\{"), (Terminal, r"\d\d:\d\d:\d\d\.\d{3} info ")])
def test_auto_asks_the_stream(kind: type[io.StringIO], first: str) -> None:
    """Console, which begins with the time of day, on a terminal; else JSON."""
    stream = kind()
    telemetry.configure("auto", stream=stream)
    telemetry.get_logger("gate").info("hello")
    assert re.match(first, stream.getvalue())


@pytest.mark.parametrize(
    ("address", "masked"),
    [("33700000001", "..0001"), ("+33700000001", "..0001"), ("12345", "..2345"), ("1234", "1234"), ("", "")],
)
def test_mask(address: str, masked: str) -> None:
    """G12: the last four digits only."""
    assert telemetry.mask(address) == masked


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", ["from", "to"])
def test_numbers_are_masked(form: telemetry.LogFormat, key: str) -> None:
    """G12: what is logged as "from" or "to" shows its last four digits."""
    stream = configured(form)
    telemetry.get_logger("engine").info("answered", **{key: "33700000001"})
    assert "..0001" in stream.getvalue()
    assert "3370000" not in stream.getvalue()


def test_numbers_in_full_on_demand() -> None:
    """numbers = "full" lifts the mask."""
    stream = configured(numbers="full")
    telemetry.get_logger("engine").info("answered", **{"from": "33700000001", "to": "33644600000"})
    assert (fields(stream)["from"], fields(stream)["to"]) == ("33700000001", "33644600000")


@pytest.mark.parametrize("form", FORMS)
def test_control_characters_are_escaped(form: telemetry.LogFormat) -> None:
    """G12: nobody forges a line, or drives the operator's terminal, with what he sends."""
    stream = configured(form)
    telemetry.get_logger("gate").warning(f"event {CONTROLS}", reason=CONTROLS)
    said = stream.getvalue()
    assert len(said.splitlines()) == 1
    assert not set("\r\x00\x1b\x7f\x85\u2028") & set(said)
    assert "\\u000a" in said
    assert "\\u001b" in said


def fail(argument: str) -> None:
    """Raises, with a secret in a local variable."""
    local = f"local {argument}"
    message = "went wrong\x1b[2J"
    raise ValueError(message) if local else KeyError


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("owner", ["ours", "a library's"])
def test_tracebacks_hold_no_locals(form: telemetry.LogFormat, owner: str) -> None:
    """G12: a traceback names files and lines, no values; a message may hold a customer's words, so it has none."""
    stream = configured(form)
    try:
        fail(SECRET)  # a traceback may show this line of the source, but no value
    except ValueError:
        if owner == "ours":
            telemetry.get_logger("gate").exception("a fault of ours")
        else:
            logging.getLogger("somebody").exception("a fault of theirs")
    said = stream.getvalue()
    assert "ValueError" in said
    assert "test_lines.py" in said
    assert "went wrong" not in said
    assert SECRET not in said
    assert "\x1b" not in said
    assert len(said.splitlines()) == 1 or form == "console"


@pytest.mark.parametrize("form", FORMS)
def test_the_standard_library_speaks_alike(form: telemetry.LogFormat) -> None:
    """Lines of libraries take the same way: warnings and worse, escaped; their chatter may hold URLs."""
    stream = configured(form)
    library = logging.getLogger("somebody")
    library.info("GET http://crm.example/hook?token=hush")
    library.warning("odd: %s", CONTROLS)
    said = stream.getvalue()
    assert SECRET not in said
    assert len(said.splitlines()) == 1
    assert "odd: a" in said
    assert not set("\x00\x1b\x85") & set(said)


@pytest.mark.parametrize(("level", "told"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1), ("WARNING", 2)])
def test_levels(level: str, told: int) -> None:
    """What is below the level is not told."""
    stream = configured(level=level)
    logger = telemetry.get_logger("gate")
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    logger.error("d")
    assert len(stream.getvalue().splitlines()) == told


def test_what_is_below_the_level_is_not_looked_at() -> None:
    """A line that nobody wants costs a comparison."""
    configured(level="warning")
    touched = []

    class Watched:
        """A value that knows whether somebody wrote it."""

        def __repr__(self) -> str:
            touched.append(self)
            return "watched"

    telemetry.get_logger("gate").info("a", value=Watched())
    assert not touched
    telemetry.get_logger("gate").warning("a", value=Watched())
    assert len(touched) == 1


def test_fields_of_a_logger() -> None:
    """Each line of a bound logger has its fields; the event's own win, and none can forge level or time."""
    stream = configured()
    logger = telemetry.get_logger("rules").bind(route="shop", rule="bot")
    logger.info("answered", rule="ack", level="critical", timestamp="never")
    line = fields(stream)
    assert line.pop("timestamp") != "never"
    assert line == {"logger": "rules", "level": "info", "event": "answered", "route": "shop", "rule": "ack"}


def test_a_library_is_named() -> None:
    """Whose line it is, and when it happened, as the record says."""
    stream = configured()
    record = logging.LogRecord("somebody.part", logging.ERROR, "file.py", 1, "failed %d times", (3,), None)
    record.created = 0.25
    logging.getLogger().handle(record)
    assert fields(stream) == {
        "timestamp": "1970-01-01T00:00:00.250000Z",
        "level": "error",
        "event": "failed 3 times",
        "logger": "somebody.part",
    }


def test_a_second_configuration_replaces_the_first() -> None:
    """No line comes twice."""
    first, stream = configured(), configured()
    logging.getLogger("somebody").error("once")
    telemetry.get_logger("gate").error("once")
    assert (len(first.getvalue().splitlines()), len(stream.getvalue().splitlines())) == (0, 2)


def recurse(depth: int) -> None:
    """Fail at the bottom of so many calls."""
    if depth == 0:
        raise LookupError
    recurse(depth - 1)


def test_a_long_traceback_is_cut() -> None:
    """The innermost frames of many, and no more lines than a person reads."""
    stream = configured()
    try:
        recurse(500)
    except LookupError:
        telemetry.get_logger("gate").exception("too deep")
    lines = fields(stream)["exception"].splitlines()
    assert lines[-1] == "builtins.LookupError"
    assert lines[-2].endswith("in recurse")
    assert len(lines) == 21


class Unwritable(Mapping[str, str]):
    """An object that only raises."""

    def __getitem__(self, key: str) -> str:
        raise KeyError

    def __iter__(self) -> Iterator[str]:
        raise ValueError

    def __len__(self) -> int:
        raise ValueError


def test_a_value_that_only_raises_is_named_by_its_type() -> None:
    """Nothing is raised, and the rest of the line is written; bound to a logger, too."""
    stream = configured()
    telemetry.get_logger("rules").bind(bound=Unwritable()).info("odd", value=Unwritable(), status=1)
    line = fields(stream)
    assert (line["bound"], line["value"], line["status"]) == ("a Unwritable", "a Unwritable", 1)


def test_an_event_that_cannot_be_written_is_a_lost_line() -> None:
    """Nothing is raised, nothing is printed; it is counted, and the next line is written."""
    stream = configured()
    logging.getLogger("library").warning("%d", "no number")
    assert (stream.getvalue(), telemetry.lost_lines().total) == ("", 1)
    logging.getLogger("library").warning("%d even", 2)
    assert fields(stream)["event"] == "2 even"


def test_a_closed_stream_harms_nobody() -> None:
    """A command whose stderr is gone goes on, whichever logger speaks."""
    configured().close()
    telemetry.get_logger("gate").error("lost")
    logging.getLogger("library").error("lost")
    warnings.warn("lost", UserWarning, stacklevel=1)
    assert telemetry.lost_lines().total == 3


@pytest.mark.parametrize("form", FORMS)
def test_a_warning_is_told_without_its_text(form: telemetry.LogFormat) -> None:
    """G12: it may hold a customer's words; category, file and line are enough to find it."""
    stream = configured(form)
    warnings.warn(SECRET, UserWarning, stacklevel=1)
    said = stream.getvalue()
    assert "UserWarning" in said
    assert "test_lines.py:" in said
    assert SECRET not in said
    assert len(said.splitlines()) == 1


def test_error_of_a_forgotten_task_is_told_without_its_message() -> None:
    """G12: asyncio's own line would hold the words of the exception."""
    stream = configured()
    telemetry.log_loop_error(None, {"message": SECRET, "exception": ValueError(SECRET)})
    assert SECRET not in stream.getvalue()
    assert "ValueError" in fields(stream)["error"]


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ('"+33 6 44 60 00 00" is a number of route "a" already', '"..0000" is a number of route "a" already'),
        ('"+1212ABC" is not a phone number', '"+1212ABC" is not a phone number'),
        ("too small (9); write 10 or more", "too small (9); write 10 or more"),
        ("/message/+33644600000", "/message/..0000"),
    ],
)
def test_numbers_in_a_text_show_their_last_digits(text: str, logged: str) -> None:
    """G12: what people wrote in a file, or a stranger in a path, is logged without phone numbers."""
    assert telemetry.mask_numbers(text) == logged
