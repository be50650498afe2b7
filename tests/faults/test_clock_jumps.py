"""A wall clock that is set while the service runs: what waits, waits no longer for it, and nothing is lost."""

import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from faults import jumping
from support import plivo_sdk, process, receiver, wire

LAUNCHER = (sys.executable, jumping.__file__)
HOUR, DAY = 3_600.0, 86_400.0
SOON = 60.0  # seconds; what waits for the clock waits for an hour
TARGET = '\n[targets.crm]\nurl = "{url}"\nretry = "2s"\n'


@pytest.mark.parametrize("seconds", [-HOUR, DAY])
def test_what_was_put_off_comes_in_time(tmp_path: Path, seconds: float) -> None:
    """Due times: a retry that was promised in 2 s is made in about 2 s, however the clock is set meanwhile."""
    first = threading.Event()

    def once(_received: receiver.Received) -> int:
        status = 204 if first.is_set() else 500
        first.set()
        return status

    with receiver.receiving(once) as crm:
        config = process.MINIMAL + TARGET.format(url=crm.url)
        with process.served(tmp_path, config, command=LAUNCHER) as service:
            message = wire.message()
            heard = wire.tell(service, message)
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            service.wait_for("delivery rescheduled", 1)
            jumping.jump(tmp_path, seconds)
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            crm.wait_for(lambda received: len(received) == 3, SOON)
            assert wire.tell(service, message) == heard  # G3, whatever day it is
            assert wire.tell(service, wire.message())[0] == 200
            assert (service.get("/health")[0], service.get("/ready")[0]) == (200, 200)
    times = Counter(one.headers["webhook-id"] for one in crm.received)
    assert sorted(times.values()) == [1, 2]


def test_a_clock_that_was_ahead_holds_nothing_up_after_a_restart(tmp_path: Path) -> None:
    """What was put off for 2 s by a clock a day ahead is delivered 2 s after a start with the right time."""
    well = threading.Event()
    with receiver.receiving(lambda _received: 204 if well.is_set() else 500) as crm:
        config = process.MINIMAL + TARGET.format(url=crm.url)
        jumping.jump(tmp_path, DAY)
        with process.served(tmp_path, config, command=LAUNCHER) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            service.wait_for("delivery rescheduled", 1)
            service.kill()
        well.set()
        jumping.jump(tmp_path, 0)
        with process.served(tmp_path, config, command=LAUNCHER) as service:
            (line,) = service.wait_for("corrected due times written by a clock that was ahead", 1)
            assert line["deliveries"] == 1
            crm.wait_for(lambda received: len(received) == 2, seconds=8)


def test_a_paused_target_is_probed_in_time(tmp_path: Path) -> None:
    """Breaker: the next probe of a target that is well again comes within seconds, though the clock was put back."""
    well = threading.Event()
    with receiver.receiving(lambda _received: 204 if well.is_set() else 500) as crm:
        config = process.MINIMAL + TARGET.format(url=crm.url)
        with process.served(tmp_path, config, command=LAUNCHER) as service:
            for _ in range(8):
                assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            service.wait_for("target paused", 1)
            jumping.jump(tmp_path, -HOUR)
            well.set()
            service.wait_for("target resumed", 1)
            crm.wait_for(lambda received: len({one.headers["webhook-id"] for one in received}) == 8)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_what_is_under_way_is_not_lost(tmp_path: Path, seconds: float) -> None:
    """Leases: a POST that is under way when the clock is set is settled; a double, if any, carries its id."""
    asked, release = threading.Event(), threading.Event()

    def hang(_received: receiver.Received) -> int:
        asked.set()
        release.wait(10)
        return 204

    with receiver.receiving(hang) as crm:
        config = process.MINIMAL + TARGET.format(url=crm.url)
        with process.served(tmp_path, config, command=LAUNCHER) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            assert asked.wait(10)
            jumping.jump(tmp_path, seconds)
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            release.set()
            crm.wait_for(lambda received: len({one.headers["webhook-id"] for one in received}) == 2)
    assert len(crm.received) <= (3 if seconds > 0 else 2)
