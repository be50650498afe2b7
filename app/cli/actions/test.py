"""`test`: run the `[[tests]]` of the file."""

from pathlib import Path
from typing import Any

from app.cli.common import UsageError
from app.cli.loading import load
from app.cli.output import echo, print_json
from app.cli.running import run
from app.operations.test import ConfigTestResult, run_tests


def main(path: Path, only: str | None, *, as_json: bool) -> None:
    """Run the [[tests]] of the file. Nobody is called: `given` says what webhooks and functions answer."""
    config = load(path)
    tests = [test for test in config.tests if not only or only in test.name]
    if only and not tests:
        raise UsageError(f"no test has {only!r} in its name")
    results = run(run_tests(config.runtime, tests, config.read_address))
    failed = sum(bool(result.faults) for result in results)
    if as_json:
        rows = [_json(result) for result in results]
        print_json({"passed": len(results) - failed, "failed": failed, "tests": rows})
    else:
        for result in results:
            _show(result)
        echo(f"{len(results) - failed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


def _json(result: ConfigTestResult) -> dict[str, Any]:
    return {"name": result.name, "faults": list(result.faults)}


def _show(result: ConfigTestResult) -> None:
    echo(f"{'FAILED' if result.faults else 'ok':<7} {result.name}")
    for fault in result.faults:
        echo(f"        {fault}")
