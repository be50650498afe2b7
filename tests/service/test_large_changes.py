"""G4: what an operator changes in bulk goes in steps, so that a server beside it answers every message in time."""

import asyncio
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from support import plivo_sdk, process, wire
from support.stored import CUSTOMER, US, Clock, opened

ROWS = 10_000  # of each kind
STEP = 1_500  # rows at most: a step takes 500 reports with a delivery each, or 500 rows of another table

FILL = (
    """
    WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
    INSERT INTO messages
    (message_uuid, received_at, sender, person, recipient, type, intent, media, reason, steps, xml, signed_by, token,
     config, state, counted, reply_units, failures)
    SELECT 'm' || i, :now, :person, :person, :us, 'sms', '', '[]', '', '[]', x'', 'V3', 1, '', 'answered', 1, 1, 0
    FROM n
    """,
    """
    WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
    INSERT INTO reports
    (id, received_at, message_uuid, in_reply_to, status, sequence, error_code, sender, recipient, person, signed_by,
     parameters, kind)
    SELECT lower(hex(randomblob(32))), :now, 'a' || i, 'm' || i, 'sent', 1, '', :us, :person, :person, 'V3', '[]',
     'report' FROM n
    """,
    """
    INSERT INTO deliveries (report_id, target, state, sequence, due_at, attempts, created_at)
    SELECT id, 'crm', 'done', 1, 0, 1, :now FROM reports
    """,
)


def fill(file: Path) -> None:
    """A store in which one person has written and was answered very often."""

    async def make() -> None:
        async with opened(file, Clock()):
            pass

    asyncio.run(make())
    values = {"rows": ROWS, "now": time.time(), "person": CUSTOMER, "us": US}
    with closing(sqlite3.connect(file)) as store:
        for statement in FILL:
            store.execute(statement, values)
        store.commit()


def talked_to_during(service: process.Served, *command: str) -> str:
    """Send messages while a command runs, each answered: past the deadline it would be a 503. What it printed."""
    environment = process.environment(service.folder)
    with subprocess.Popen(
        [*process.COMMAND, *command], cwd=service.folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        while running.poll() is None:
            assert wire.tell(service, plivo_sdk.message(From="33600000001"))[0] == 200
        assert running.returncode == 0
        assert running.stdout
        return running.stdout.read()


@pytest.mark.parametrize(
    ("command", "said", "trace", "rows"),
    [
        (("limits", "reset", f"+{CUSTOMER}"), f"{ROWS} rows forgotten\n", "limits reset: %", ROWS),
        (("forget", f"+{CUSTOMER}"), f"{3 * ROWS} rows erased\n", "forget: %", 3 * ROWS),
    ],
    ids=["limits reset", "forget"],
)
def test_server_answers_meanwhile(tmp_path: Path, command: tuple[str, ...], said: str, trace: str, rows: int) -> None:
    """Each message gets its answer in time, and each step is a transaction of its own."""
    fill(tmp_path / "autoreply.db")
    with process.served(tmp_path) as service:
        assert talked_to_during(service, *command, "--yes") == said
        with closing(sqlite3.connect(tmp_path / "autoreply.db")) as store:
            (steps,) = store.execute("SELECT count(*) FROM actions WHERE what LIKE ?", (trace,)).fetchone()
    assert steps >= rows / STEP
