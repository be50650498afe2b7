"""The actions of commands, each imported as its command does it: before anything else of ours."""

from pathlib import Path

from support import process

import app.cli.actions

ALONE = """
import os, sys
import click, httpx, pydantic, sqlalchemy.ext.asyncio, starlette.applications  # theirs need no second look

children = {}
for name in sys.argv[1:]:
    if not (child := os.fork()):
        __import__(name)
        os._exit(0)
    children[child] = name
while children:
    child, status = os.wait()
    if status:
        print(children[child])
    del children[child]
"""


def test_each_can_be_imported_alone(tmp_path: Path) -> None:
    """No circle of imports hides behind what another module has imported before; tests fork from a process that has."""
    (folder,) = app.cli.actions.__path__
    names = sorted(f"app.cli.actions.{file.stem}" for file in Path(folder).glob("*.py"))
    assert len(names) > 20
    assert process.python(ALONE, *names, cwd=tmp_path) == ""
