"""Commands in processes of their own that do not import the service anew: children of one `fork_server`.

The imports are most of what a short command costs. A child has its own memory, environment, folder and descriptors, and
ends as any interpreter ends. It shares with other children the seed of its hashes, and what an interpreter reads when
it starts: PYTHON* and LD_* variables do nothing. Where that matters, a test starts an interpreter of its own.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import fork_server
from support.fork_server import STATUS


class Forked:
    """A child of the server, with the methods of `subprocess.Popen` that tests use."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], out: int, err: int
    ) -> None:
        """Run a module or a file with its arguments; stdout and stderr are descriptors, stdin is empty."""
        request = {"arguments": arguments, "folder": str(folder), "environment": dict(environment)}
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], [out, err])
        answer, (self._ended, *_), _, _ = socket.recv_fds(server, STATUS.size, 1)
        (self.pid,) = STATUS.unpack(answer)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the negative number of the signal that ended it. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked command", timeout or 0.0)
            (self.returncode,) = STATUS.unpack(os.read(self._ended, STATUS.size))
            os.close(self._ended)
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


@functools.cache
def _server() -> socket.socket:
    """The connection to the server, which starts with the first request and ends with this process."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs, contextlib.ExitStack() as stack:
        stack.enter_context(ours)
        command = [sys.executable, fork_server.__file__, str(theirs.fileno())]
        server = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        atexit.register(server.wait)
        atexit.register(stack.pop_all().close)  # first
    return ours
