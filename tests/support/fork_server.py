"""A process that has imported the service once, and forks a child for each command that a test runs; see `forked`.

It imports nothing of the tests, so that its children have only what the service brings. The descriptor of a connection
is its argument. A request is a JSON list, with the descriptors of stdout and stderr; the answer is a process id, with a
pipe that will say how the process ended.
"""

import contextlib
import gc
import json
import os
import pkgutil
import runpy
import select
import socket
import struct
import sys
import time
from importlib import import_module

STATUS = struct.Struct("i")
REQUEST_BYTES = 1 << 20
PROGRAMS = ("app.__main__", "app.store.migrations.env", "app.store.migrations.versions")  # they act when imported


def main(connection: socket.socket) -> None:
    """Fork children until the tests have ended. In a child, return and leave the rest to its program."""
    children: dict[int, tuple[int, int]] = {}  # by what tells of the end of a process: its id, and where to report it
    requests = connection.fileno()
    while True:
        for ready in select.select([requests, *children], [], [])[0]:
            if ready != requests:
                _report(ready, *children.pop(ready))
                continue
            request, streams, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 2)
            if not request:
                sys.exit()
            reader, writer = os.pipe()
            if not (child := os.fork()):
                _close(reader, writer, *children, *(pipe for _, pipe in children.values()))
                _become(streams, **json.loads(request))
                return
            children[os.pidfd_open(child)] = child, writer
            socket.send_fds(connection, [STATUS.pack(child)], [reader])
            _close(reader, *streams)


def _report(ended: int, child: int, writer: int) -> None:
    """Tell how a child ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(writer, STATUS.pack(status))
    _close(writer, ended)


def _become(streams: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Make of this child what `python -m app` begins with."""
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
    _close(*streams)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path.insert(0, folder)
    sys.argv = arguments


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _import_all() -> None:
    """Import each module of the service."""
    package = import_module("app")
    for module in pkgutil.walk_packages(package.__path__, "app."):
        if not module.name.startswith(PROGRAMS):
            import_module(module.name)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    _import_all()
    gc.collect()
    gc.freeze()  # so that a collection in a child does not write to the pages that it shares
    with socket.socket(fileno=int(sys.argv[1])) as tests:
        main(tests)
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
