"""What the service takes: memory at rest and under load, CPU until it is ready, CPU of `--help`. `make bench`.

"At rest" is a second after it listens, on a store that needs no migration, and before any request. "With a target" it
has what posts imported. CPU is given as a multiple of `python -c "import click"`, each the median of runs in turn.

Judged: at most 80 MB at rest where nothing is posted; `--help` at most 5 times `import click`. Shown only: the rest.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
from harness import CONFIG, ROUTE, Server

AT_REST, HELP = 80.0, 5.0  # the promises: MB, multiples of `import click`
RUNS, REST, LOAD, CALLS = 7, 1.0, 5.0, 40_000
TARGET = '[targets.crm]\nurl = "http://127.0.0.1:9/"\n'
CLICK = [sys.executable, "-c", "import click"]
COMMANDS = {
    "--help": [sys.executable, "-m", "app", "--help"],
    "check": [sys.executable, "-m", "app", "check", "-c", "config.toml"],
}


def cost(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds of a command, and seconds by the clock."""
    environment = os.environ | {"PYTHONPATH": str(harness.HERE.parent), "AUTOREPLY_DATA": str(folder)}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(command)
    return used.ru_utime + used.ru_stime, time.perf_counter() - started


def commands(folder: Path) -> bool:
    """Print what commands cost; whether the promise was kept."""
    (folder / "config.toml").write_text(CONFIG + ROUTE)
    every = {"import click": CLICK, **COMMANDS}
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
    for _ in range(RUNS):
        for name, command in every.items():
            costs[name].append(cost(command, folder))
    cpu = {name: statistics.median(used for used, _ in found) for name, found in costs.items()}
    for name, found in costs.items():
        multiple, clock = cpu[name] / cpu["import click"], statistics.median(taken for _, taken in found)
        print(f"{name:<13} {1000 * cpu[name]:>5.0f} ms of CPU, {multiple:>4.1f}x; {1000 * clock:>5.0f} ms by the clock")
    return harness.kept("--help / import click, by CPU", cpu["--help"] / cpu["import click"], at_most=HELP)


def starts(name: str, config: str, folder: Path) -> float:
    """Print what a first and a second start take; the MB of the second at rest."""
    folder.mkdir()
    found = 0.0
    for start in ("first", "second"):
        with harness.serving(config, folder) as server:
            cpu = server.cpu()
            time.sleep(REST)
            found = server.memory()
            print(f"{name}, {start} start: ready after {cpu:.2f} s of CPU, {found:.0f} MB at rest")
            if start == "second":
                _under_load(name, server, folder)
    return found


def _under_load(name: str, server: Server, folder: Path) -> None:
    load = harness.prepared(folder, "load", harness.messages("V2", CALLS))
    harness.put_under_load(server, load, LOAD)
    highest = server.memory("VmHWM")
    print(f"{name}, {harness.CONNECTIONS} connections for {LOAD:.0f} s: {highest:.0f} MB at most")


def main() -> bool:
    """Print the figures; whether the promises were kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = commands(folder)
        at_rest = starts("nothing posted", CONFIG + ROUTE, folder / "plain")
        starts("with a target", CONFIG + TARGET + ROUTE, folder / "target")
    return harness.kept("MB at rest, nothing posted", at_rest, at_most=AT_REST) and kept


if __name__ == "__main__":
    sys.exit(not main())
