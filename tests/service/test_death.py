"""A service that no longer does its work must not look healthy, nor stay."""

import asyncio
import signal
import sys
import threading
from pathlib import Path

import httpx
import pytest
from support import inside, plivo_sdk, process, receiver, wire

# Runs the command, and ends one of its tasks when told to: from outside that cannot be done.
MORTAL = """
import asyncio, signal
from app.cli import main

def strike(*_):
    for task in asyncio.all_tasks():
        if task.get_name() == "{name}":
            task.get_loop().call_soon_threadsafe(task.cancel)

signal.signal(signal.SIGUSR1, strike)
main()
"""


@pytest.mark.parametrize("name", ["writer", "retention", "dispatcher"])
async def test_health_tells_that_a_task_has_ended(tmp_path: Path, name: str) -> None:
    """When the writer, the sweeper or the dispatcher ends, /health is 503, /ready too, and the process is told."""
    told = asyncio.Event()
    async with asyncio.timeout(10), inside.serving(tmp_path, on_fault=told.set) as service:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/health")).status_code == 200
            (task,) = [task for task in asyncio.all_tasks() if task.get_name() == name]
            task.cancel()
            await told.wait()
            assert (await client.get("/health")).status_code == 503
            assert (await client.get("/ready")).status_code == 503
    assert service.state.fault == f"the {name} has ended"


@pytest.mark.parametrize("name", ["writer", "dispatcher"])
def test_the_process_ends_with_an_exit_code(tmp_path: Path, name: str) -> None:
    """The process exits 1 soon and says which part has ended, also with a POST under way."""
    release = threading.Event()
    asked = threading.Event()

    def hang(_received: receiver.Received) -> int:
        asked.set()
        release.wait(30)
        return 204

    with receiver.receiving(hang) as target:
        config = f'{process.MINIMAL}\n[targets.slow]\nurl = "{target.url}"\ntimeout = "500ms"'
        with process.served(tmp_path, config, command=(sys.executable, "-c", MORTAL.format(name=name))) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            assert asked.wait(10)
            service.process.send_signal(signal.SIGUSR1)
            assert service.process.wait(7) == 1
            release.set()
            assert service.text().splitlines()[-1] == f"plivo-autoreply: the {name} has ended"
