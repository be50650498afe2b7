"""A store for hypothesis to walk on: a model says what must be, a clock stands still, processes come and go."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize

from app.store import Store
from support.stored import Clock, opened


class StoreMachine(RuleBasedStateMachine):
    """One store and its clock. A subclass has the model, the rules, and what must hold at the end."""

    root: Path

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = self._new_folder()
        self.store: Store

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.root))

    @initialize()
    def begin(self) -> None:
        """An empty store."""
        self.open()

    def open(self) -> None:
        """Open the store, as a process that starts does."""
        self.stack = AsyncExitStack()
        self.store = self.runner.run(self.stack.enter_async_context(opened(self.folder / "autoreply.db", self.clock)))

    def close(self) -> None:
        """Close the store, as a process that stops does."""
        self.runner.run(self.stack.aclose())

    def kill(self) -> None:
        """Go on with the file as it is on disk at this moment, opened anew."""
        killed, self.folder = self.folder, self._new_folder()
        for file in killed.glob("autoreply.db*"):
            shutil.copy(file, self.folder)
        self.close()
        self.open()

    async def check(self) -> None:
        """What must hold at the end."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Check, and leave nothing open."""
        try:
            if hasattr(self, "store"):
                self.runner.run(self.check())
        finally:
            self.close()
            self.runner.close()


def walk(machine: type[StoreMachine], folder: Path, examples: int, steps: int) -> None:
    """Run so many walks of so many steps at most, each on a store of its own below this folder."""
    machine.root = folder
    case = machine.TestCase
    case.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case().runTest()
