"""What a message costs as the file and the store grow. `make bench`; `python bench/growth.py NAME ..` runs some.

Each case is two services side by side, a small and a large one, on the same core; the load asks them in turn.
Judged: the CPU of a message at the large one is at most 1.3 times that at the small one. Shown only: rates, memory.
"""

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import harness
from harness import CONFIG, ROUTE, TOKENS, Figures, Server

ROUNDS, SECONDS, CALLS, PROMISE = 5, 1.0, 10_000, 1.3
DAYS = 29  # over which the rows are spread

# What stands in a column of a row, by name: SQL, `n` being the number of the row, 1 being the oldest.
COLUMNS = {
    "message_uuid": "printf('10000000-0000-0000-0000-%012d', n)",
    "sender": "printf('3370%08d', abs(random() % 100000000))",
    "person": "printf('3370%08d', abs(random() % 100000000))",
    "recipient": "printf('336446%05d', n % 100000)",
    "number": "printf('336446%05d', n % 100000)",
    "received_at": "{now} - {seconds} * (1.0 - n / {rows}.0)",
    "at": "{now} - {seconds} * (1.0 - n / {rows}.0)",
    "bound_at": "{now} - {seconds} * (1.0 - n / {rows}.0)",
    "key": "randomblob(32)",
    "type": "'sms'",
    "text": "'hello there, how are you?'",
    "media": "'[]'",
    "steps": "'[]'",
    "route": "'shop'",
    "rule": "'ack'",
    "reason": "'fixed text'",
    "units": "1",
    "xml": "CAST('<Response><Message>Got it.</Message></Response>' AS BLOB)",
    "state": "'answered'",
}
TABLES = ("messages", "proofs", "replies")  # those with a row for each message
INSERT = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
INSERT INTO {table} ({names}) SELECT {values} FROM numbers
"""


def fill(store: Path, rows: int) -> None:
    """Write rows into each of `TABLES` that there is, whatever its columns are.

    A column without an entry in `COLUMNS` is NULL where it may be, random where it is a key, else zero or empty.
    """
    moments = {"now": time.time(), "seconds": DAYS * 86_400, "rows": rows}
    with closing(sqlite3.connect(store)) as connection, connection:
        for table in TABLES:
            found = connection.execute(f"PRAGMA table_info({table})").fetchall()
            values = {name: _value(name, kind, *more).format(**moments) for _, name, kind, *more in found}
            if values:
                names, made = ", ".join(f'"{name}"' for name in values), ", ".join(values.values())
                connection.execute(INSERT.format(table=table, names=names, values=made, rows=rows))


def _value(name: str, kind: str, required: int, default: str | None, key: int) -> str:
    """A column's value: SQL."""
    if name in COLUMNS:
        return COLUMNS[name]
    is_number = kind.upper().startswith(("INT", "BIGINT", "DOUBLE", "REAL", "FLOAT", "BOOL"))
    if key:
        return "n" if is_number else "randomblob(32)" if "BLOB" in kind.upper() else "hex(randomblob(16))"
    if not required:
        return "NULL"
    return default or ("0" if is_number else "x''" if "BLOB" in kind.upper() else "''")


@dataclass(frozen=True, slots=True)
class Case:
    """Something that grows, and the config of a size."""

    name: str
    small: int
    large: int
    config: Callable[[int, Path], str]
    stored: bool = False  # it is the store that grows, not the config


def with_numbers(size: int, folder: Path) -> str:
    """One route with so many numbers."""
    (folder / "numbers.txt").write_text("".join(f"+336446{number:05}\n" for number in range(size)))
    return CONFIG + ROUTE.replace('to = "*"', 'to = { file = "numbers.txt" }')


def with_keywords(size: int, _folder: Path) -> str:
    """One rule with so many keywords."""
    lines = "".join(f'"WORD{number}" = "Answer {number}."\n' for number in range(size))
    return CONFIG + ROUTE.replace("[rules.menu.keywords]\n", f"[rules.menu.keywords]\n{lines}")


def with_tokens(size: int, _folder: Path) -> str:
    """So many tokens, the last of which signed the load."""
    others = [f'"another-auth-token-{number}"' for number in range(size - 1)]
    return CONFIG.replace(TOKENS, f"[{', '.join([*others, TOKENS])}]") + ROUTE


def with_rows(_size: int, _folder: Path) -> str:
    """The same config for any number of rows, none of which is swept meanwhile."""
    return CONFIG + '[store]\nkeep = "60d"\nkeep_text = "60d"\n' + ROUTE


CASES = (
    Case("numbers", 100, 100_000, with_numbers),
    Case("keywords", 10, 10_000, with_keywords),
    Case("tokens", 1, 60, with_tokens),
    Case("stored messages", 0, 1_000_000, with_rows, stored=True),
)


def start(case: Case, size: int, folder: Path, stack: ExitStack) -> Server:
    """Start one of the two services of a case."""
    folder.mkdir()
    config = case.config(size, folder)
    if case.stored and size:
        with harness.serving(config, folder):
            pass  # makes the tables
        fill(folder / "autoreply.db", size)
    return stack.enter_context(harness.serving(config, folder))


def measure(case: Case, folder: Path) -> bool:
    """Print the figures of a case; whether its promise was kept."""
    seeds = count()
    sizes = (case.small, case.large)
    figures: dict[int, list[Figures]] = {size: [] for size in sizes}
    with ExitStack() as stack:
        servers = {size: start(case, size, folder / f"{case.name}-{size}", stack) for size in sizes}
        for _ in range(1 + ROUNDS):
            for size, server in servers.items():
                recipients = size if case.config is with_numbers else 100
                load = harness.messages("V2", CALLS, next(seeds), recipients)
                found = harness.put_under_load(server, harness.prepared(folder, "load", load), SECONDS)
                figures[size].append(found)
        for size in sizes:
            del figures[size][0]  # it warmed the service
            rate, cpu = (statistics.median(getattr(one, field) for one in figures[size]) for field in ("rate", "cpu"))
            memory = servers[size].memory()
            print(f"{size:>9,} {case.name:<16} {rate:>7,.0f}/s {1e6 * cpu:>6.0f} us of CPU {memory:>5.0f} MB")
    pairs = zip(figures[case.small], figures[case.large], strict=True)
    growth = statistics.median(large.cpu / small.cpu for small, large in pairs)
    return harness.kept(f"{case.name}: CPU of a message, large / small", growth, at_most=PROMISE)


def main() -> bool:
    """Print the figures; whether the promises were kept."""
    words = sys.argv[1:]
    chosen = [case for case in CASES if not words or any(word in case.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(case, Path(folder)) for case in chosen]
    return all(results)


if __name__ == "__main__":
    sys.exit(not main())
