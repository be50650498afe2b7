"""Tests that drive programs from Debian's packages: `make test-system`. `make test` leaves this folder out."""

import shutil

import pytest
from support.web_servers import SBIN

NEEDED = {  # program: package
    "nginx": "nginx",
    "caddy": "caddy",
    "chromium": "chromium",
    "promtool": "prometheus",
    "node": "nodejs",
    "php": "php-cli",
}


def pytest_sessionstart() -> None:
    """Name what is missing, and fail: a test that is skipped would prove nothing."""
    missing = {name: package for name, package in NEEDED.items() if not shutil.which(name, path=SBIN["PATH"])}
    if missing:
        install = f"apt-get install --no-install-recommends {' '.join(missing.values())}"
        pytest.exit(f"missing: {', '.join(missing)}; on Debian: {install}", returncode=1)
