"""Addresses on the command line: numbers in any notation, and every address that the store holds."""

from collections.abc import Iterable

import click

from app.cli.common import UsageError, run, store_beside_server
from app.cli.escape import escaped
from app.config import Loaded
from app.plivo.numbers import doubtful, is_digits, is_name, normalise
from app.store import people


def address(text: str, config: Loaded) -> str:
    """The address that a message under test has; any text is one."""
    try:
        return config.read_address(text).address
    except ValueError:
        return normalise(text)


def spellings(text: str, config: Loaded) -> list[str]:
    """The addresses that may be meant, the likeliest first: digits without "+" may be a national form."""
    both = [address(text, config), normalise(text)]
    return [one for one in dict.fromkeys(both if is_digits(text.strip()) else reversed(both)) if one]


def known(addresses: Iterable[str], config: Loaded) -> set[str]:
    """Those of the addresses that stand in the store; none if there is no store yet."""
    where = config.settings.store.file
    return set() if where and not where.exists() else run(_known(addresses, config))


def known_address(text: str, config: Loaded) -> str | None:
    """The address that is meant, if it stands in the store."""
    meant = spellings(text, config)
    there = known(meant, config)
    return next((one for one in meant if one in there), None)


def person(text: str, config: Loaded) -> str:
    """The address that a change is about: one that stands in the store, else a number, else a name.

    Warns of a doubtful number. Raises `UsageError`: a change for nobody would be taken for one that works.
    """
    found = known_address(text, config)
    if found is not None:
        return found
    try:
        reading = config.read_address(text)
    except ValueError as error:
        if is_name(text.strip()):
            return normalise(text)
        message = f"{text!r}: {error}"
        raise UsageError(message) from None
    if reading.doubt:
        click.echo(escaped(f"{text}: {doubtful(reading)}"), err=True)
    return reading.address


async def _known(addresses: Iterable[str], config: Loaded) -> set[str]:
    async with store_beside_server(config) as store:
        return await people.known(store.engine, addresses)
