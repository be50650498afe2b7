"""Ports for programs that must be told one, because they cannot say which one they got."""

import random
import socket

BELOW_EPHEMERAL = range(20_000, 32_000)  # from 32768 on the kernel gives them away, to connections too


def free_port() -> int:
    """A port of loopback that nobody has, and that nobody gets by chance before the program has it."""
    while True:
        port = random.SystemRandom().choice(BELOW_EPHEMERAL)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
