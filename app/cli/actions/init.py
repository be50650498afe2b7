"""`init`: a first configuration file, from four answers."""

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from app.cli.common import UsageError
from app.cli.output import echo
from app.config import BadConfig, load
from app.config.environment import NAME, environment
from app.config.toml_writer import inline

TOKEN = "PLIVO_AUTH_TOKEN"  # noqa: S105 - the name of the variable
EVERY = "*"
TEXT = "Thanks, we got your message."
STAND_IN = "x"  # for a token that is not known yet


@dataclass(frozen=True, slots=True)
class Answers:
    """What a first file says."""

    public_url: str = "https://sms.example.com"
    token: str = ""
    numbers: tuple[str, ...] = (EVERY,)
    text: str = TEXT
    target: str = ""

    def write(self) -> str:
        """Return the file."""
        to, name = inline(EVERY), ""
        if self.numbers != (EVERY,):
            to, name = inline(self.numbers), '\nname = "main"'
        url = self.public_url.rstrip("/")
        target = f"\n[targets.reports]   # where delivery reports go\nurl = {inline(self.target)}\n"
        return f"""\
# The configuration of plivo-autoreply. What is wrong with it: plivo-autoreply check
# Every key: plivo-autoreply config show, and docs/reference/configuration.md

[server]
public_url = {inline(url)}   # in Plivo the Message URL is {url}/message

[plivo]
auth_tokens = {{ env = "{TOKEN}" }}   # a variable of the environment, or of {NAME} beside this file

[[routes]]{name}
to   = {to}
text = {inline(self.text)}
{target if self.target else ""}"""

    def check(self) -> None:
        """Load the file. Raises `ValueError` with what is wrong."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.toml"
            file.write_bytes(self.write().replace(f'{{ env = "{TOKEN}" }}', inline(self.token or STAND_IN)).encode())
            try:
                load(file)
            except BadConfig as error:
                raise ValueError(error.errors[0].message) from None


def main(
    path: Path,
    public_url: str | None,
    auth_token: str | None,
    numbers: tuple[str, ...],
    text: str | None,
    target: str | None,
    *,
    force: bool,
) -> None:
    """Write a small configuration file. Asks four questions; flags answer them in advance."""
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; name another file with -c, or replace it with --force")
    is_known = TOKEN in environment(path.resolve().parent)
    answers = Answers()
    if public_url is None and not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; say --public-url https://.., and what else is not the default")
    answers = _answer(public_url, "URL that Plivo will call, as https://sms.example.com", answers, "public_url", str)
    token = "" if auth_token is None and is_known else auth_token
    answers = _answer(
        token, "Auth token of Plivo (empty to set it later)", answers, "token", str.strip, default="", hide=True
    )
    chosen = ", ".join(numbers) if numbers else None
    answers = _answer(
        chosen, "Your numbers, separated by commas, or * for all", answers, "numbers", _split, default=EVERY
    )
    answers = _answer(text, "Reply", answers, "text", str, default=TEXT)
    answers = _answer(target or "", "", answers, "target", str)
    _write(path, answers)
    _say_what_next(path, answers, is_known=is_known)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _answer(
    given: str | None,
    question: str,
    answers: Answers,
    name: str,
    read: Callable[[str], Any],
    *,
    default: str | None = None,
    hide: bool = False,
) -> Answers:
    """Return the answers with one more, by its name: the one that was given, or else asked for until it is right."""

    def right(text: str) -> Answers:
        more: Answers = replace(answers, **{name: read(text)})
        try:
            more.check()
        except UnicodeEncodeError:
            raise click.UsageError("a character that is not UTF-8; type it again in a UTF-8 terminal") from None
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return more

    if given is None and not sys.stdin.isatty():
        given = default
    if given is not None:
        return right(given)
    found: Answers = click.prompt(
        question, default=default, show_default=bool(default), hide_input=hide, value_proc=right, err=True
    )
    return found


def _write(path: Path, answers: Answers) -> None:
    try:
        path.write_bytes(answers.write().encode())
        if answers.token:
            secrets = path.resolve().parent / NAME
            handle = os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(f"{_line_end(secrets)}{TOKEN}={answers.token}\n".encode())
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None


def _line_end(file: Path) -> str:
    """Return what a last line lacks that was written without one."""
    return "" if file.read_bytes()[-1:] in (b"", b"\n") else "\n"


def _say_what_next(path: Path, answers: Answers, *, is_known: bool) -> None:
    echo(f"{path} is written" + (f", and the token to {NAME} beside it" if answers.token else ""))
    if not answers.token and not is_known:
        echo(f"Before it is served: set {TOKEN}, in the environment or in {NAME} beside the file")
    echo(f"In Plivo, set the Message URL of your application to {answers.public_url.rstrip('/')}/message")
    echo(f"Then: plivo-autoreply serve -c {path}")
