"""Addresses as operators write them: numbers in any notation, and every address that the store holds."""

from collections.abc import Callable

from app.operations.errors import OperationRefused
from app.plivo.numbers import Reading, is_digits, is_name, normalise
from app.store import Store
from app.store import people as stored

ReadAddress = Callable[[str], Reading]  # a number as people of the file's country write it; raises `ValueError`


def spellings(text: str, read: ReadAddress) -> list[str]:
    """Return the addresses that a text may mean, the likeliest first: digits without "+" may be a national form."""
    both = [any_address(text, read), normalise(text)]
    return [one for one in dict.fromkeys(both if is_digits(text.strip()) else reversed(both)) if one]


def any_address(text: str, read: ReadAddress) -> str:
    """Return the address that a message under test has: any text is one."""
    try:
        return read(text).address
    except ValueError:
        return normalise(text)


def read_number(text: str, read: ReadAddress) -> Reading:
    """Return the address of a number, which need not stand in the store. Raises `OperationRefused`."""
    try:
        return read(text)
    except ValueError as error:
        raise OperationRefused(f"{text!r}: {error}") from None


def read_sender(text: str, read: ReadAddress) -> Reading:
    """Return the address of somebody who writes to us: a number, or a name. Raises `OperationRefused`."""
    try:
        return read_number(text, read)
    except OperationRefused:
        if is_name(text.strip()):
            return Reading(normalise(text))
        raise


async def find_address(store: Store, text: str, read: ReadAddress) -> str | None:
    """Return the address that a text means, if it is in the store. Raises `Unavailable`."""
    meant = spellings(text, read)
    known = await stored.known(store.engine, meant)
    return next((one for one in meant if one in known), None)


async def read_person(store: Store | None, text: str, read: ReadAddress) -> Reading:
    """Return the address that a change is about: one that is in the store, else a number, else a name.

    Raises `OperationRefused`, because a change for nobody would look like one that worked. Also raises `Unavailable`.
    """
    return await _stored(store, text, read) or read_sender(text, read)


async def read_own(store: Store | None, text: str, read: ReadAddress) -> Reading:
    """Return the address of one of our numbers: one that is in the store, else a number, because nobody texts a name.

    Raises `OperationRefused` and `Unavailable`.
    """
    return await _stored(store, text, read) or read_number(text, read)


async def _stored(store: Store | None, text: str, read: ReadAddress) -> Reading | None:
    found = None if store is None else await find_address(store, text, read)
    return None if found is None else Reading(found)
