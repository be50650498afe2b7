"""What a Python rule's own tasks raise: a failure of the rule, never the end of the service."""

from collections.abc import Iterator

import pytest
from support import process, wire

RULES = """
import asyncio

async def fail(kind):
    await asyncio.sleep(0)
    raise kind("hush")

async def reply(message, context):
    how, _, name = message.text.partition(" ")
    kind = {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit}[name]
    match how:
        case "raise":
            raise kind("hush")
        case "gather":
            await asyncio.gather(fail(kind), asyncio.sleep(0.01))
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(kind))
        case "nested":
            await asyncio.create_task(asyncio.wait_for(fail(kind), 1))
        case "forget":
            task = asyncio.create_task(fail(kind))
            await asyncio.sleep(0.01)
        case "cancel":
            task = asyncio.create_task(fail(kind))
            task.cancel()
    return "Done."
"""
CONFIG = process.MINIMAL.replace("text = ", 'rules = ["tasks"]\n[rules.tasks]\npython = "with_tasks:reply" # ')


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Served]:
    """One service for all of it."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "with_tasks.py").write_text(RULES)
    with process.served(folder, CONFIG) as running:
        yield running


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
@pytest.mark.parametrize(
    ("how", "status"),
    [("raise", 503), ("gather", 503), ("group", 503), ("nested", 503), ("forget", 200), ("cancel", 200)],
)
def test_what_a_rules_task_raises_is_the_rules_failure(
    service: process.Served, how: str, status: int, name: str
) -> None:
    """The rule has failed, Plivo calls again, and the service goes on; a task that nobody awaits harms nobody."""
    params = wire.message(Text=f"{how} {name}")
    assert wire.tell(service, params)[0] == status
    assert service.get("/health")[0] == 200
    assert service.process.poll() is None
    if status != 200:
        (line,) = service.wait_for("rule failed", message_uuid=dict(params)["MessageUUID"])
        assert line["reason"].startswith("raised ")
    assert "hush" not in service.text()
