"""deploy/systemd: systemd's own tool accepts the unit and its hardening, and its configuration serves."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import plivo_sdk, process, scrape, wire
from support.deployed import DEPLOY

from app.web.server import STOP_SECONDS

UNIT = DEPLOY / "systemd" / "plivo-autoreply.service"
TEXT = UNIT.read_text()
CONFIG = (DEPLOY / "systemd" / "config.toml").read_text()
CREDENTIALS = "/run/credentials/plivo-autoreply.service"
PROGRAM = "/opt/plivo-autoreply/bin/plivo-autoreply"
EXPOSED = 15  # tenths: systemd calls up to 2.0 "OK"; a plain unit has 9.6
ANALYZE = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def _all(directive: str) -> list[str]:
    return re.findall(rf"^{directive}=(.*)$", TEXT, re.MULTILINE)


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@ANALYZE
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """No unknown directive, no bad value; with the program where this test has it."""
    installed = tmp_path / UNIT.name
    program = tmp_path / "plivo-autoreply"  # without a blank, which a unit would have to escape
    program.symlink_to(Path(sys.executable).with_name("plivo-autoreply"))
    installed.write_text(TEXT.replace(PROGRAM, str(program)))
    done = _analyze("verify", "--man=no", str(installed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@ANALYZE
def test_systemd_finds_little_exposed() -> None:
    """The level of exposure that systemd computes stays low."""
    done = _analyze("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSED}", str(UNIT))
    assert done.returncode == 0, done.stdout


def test_it_is_stopped_and_reloaded_as_it_expects() -> None:
    """Time for what is in flight; a file with an error fails the reload, and the service goes on."""
    (stop,) = _all("TimeoutStopSec")
    assert int(stop.removesuffix("s")) > STOP_SECONDS + 2
    check, hangup = _all("ExecReload")
    assert check == f"{PROGRAM} check"
    assert hangup == "/bin/kill -HUP $MAINPID"
    (descriptors,) = _all("LimitNOFILE")
    assert int(descriptors) >= 4096


def test_files_and_secrets_are_where_the_configuration_looks() -> None:
    """Each credential of the unit is read by the configuration, and the store is in the state folder."""
    loaded = {name.partition(":")[0] for name in _all("LoadCredential")}
    assert set(re.findall(rf'"{CREDENTIALS}/(\w+)"', CONFIG)) == loaded
    (variables,) = _all("Environment")
    assert shlex.split(variables) == [
        "AUTOREPLY_CONFIG=/etc/plivo-autoreply/config.toml",
        "AUTOREPLY_DATA=%S/plivo-autoreply",
    ]
    assert _all("StateDirectory") == ["plivo-autoreply"]
    users = (DEPLOY / "systemd" / "plivo-autoreply.sysusers").read_text()
    assert f"\nu {_all('User')[0]} " in users


def test_the_configuration_passes_check_and_serves(tmp_path: Path) -> None:
    """With the credentials in a folder of the test and any free admin port."""
    for name, value in {"plivo_auth_token": plivo_sdk.TOKEN, "admin_token": "a" * 48}.items():
        (tmp_path / name).write_text(value + "\n")
    config = CONFIG.replace(CREDENTIALS, str(tmp_path)).replace("127.0.0.1:9090", "127.0.0.1:0")
    (tmp_path / "config.toml").write_text(config)
    done = process.run("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with process.served(tmp_path, config) as service:
        assert wire.answered(service, wire.message()) == "Thanks, we got your message."
        assert scrape.get(service, "/health")[0] == 200
