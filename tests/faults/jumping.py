"""The command line under a wall clock that jumps: `python jumping.py serve -c config.toml`.

`time.time()` is off by the seconds that the file `jump` in the working directory says, if it is there. As with a real
clock that is set, `time.monotonic()` and the event loop know nothing of it.
"""

import time
from pathlib import Path

JUMP = Path("jump")
_real = time.time


def _jumped() -> float:
    try:
        return _real() + float(JUMP.read_text())
    except FileNotFoundError:
        return _real()


def jump(folder: Path, seconds: float) -> None:
    """From now on the clock of whoever serves in this folder is off by so much."""
    new = folder / f"{JUMP}.new"
    new.write_text(str(seconds))
    new.rename(folder / JUMP)


def main() -> None:
    """Puts the clock in place before anybody has looked at it, then runs the command."""
    time.time = _jumped
    from app.cli import main as command  # noqa: PLC0415 - the clock first

    command()


if __name__ == "__main__":
    main()
