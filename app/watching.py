"""Watch the content of files. Times of change are not enough: an orchestrator swaps files by a symbolic link."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

LOOK = 2.0  # seconds between two looks


async def watch(
    files: Callable[[], Iterable[Path]], changed: Callable[[], Awaitable[object]], seconds: float = LOOK
) -> None:
    """Call `changed` whenever the content of a file has changed since the last look. Never returns."""
    last = await asyncio.to_thread(_digest, files())
    while True:
        await asyncio.sleep(seconds)
        now = await asyncio.to_thread(_digest, files())
        if now != last:
            last = now
            await changed()  # it may name other files, which is one more change


def _digest(files: Iterable[Path]) -> bytes:
    digest = hashlib.sha256()
    for path in files:
        try:
            content = path.read_bytes()
        except OSError:  # what is missing is other content, too
            content = b"\0missing"
        digest.update(b"%d:%b" % (len(content), content))
    return digest.digest()
