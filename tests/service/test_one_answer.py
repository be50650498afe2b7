"""G3 from outside, for rules that call out: one call, one answer, over copies, kills and changed files."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import bot, process, wire

CONFIG = """
[[routes]]
to = "*"
webhook = "{url}/sms"
timeout = "20s"
cooldown = "1h"
"""


def test_fifty_copies_are_one_call(tmp_path: Path) -> None:
    """Fifty copies at once: one call, fifty identical bodies; they stay so after SIGKILL and with another file."""
    go = threading.Event()
    texts = iter(range(1, 100))

    def answer(_call: bot.Call) -> bot.Says:
        go.wait(10)
        return 200, f"Answer {next(texts)}."

    params = wire.message()
    with bot.answering(answer) as one:
        with (
            process.served(tmp_path, process.HEAD + CONFIG.format(url=one.url)) as service,
            ThreadPoolExecutor(50) as pool,
        ):
            meet = threading.Barrier(51, timeout=20)

            def copy(_number: int) -> tuple[int, bytes]:
                meet.wait()
                return wire.tell(service, params)

            answers = [pool.submit(copy, number) for number in range(50)]
            meet.wait()
            one.wait_for(params)
            go.set()
            (first,) = {answer.result() for answer in answers}
            assert (first[0], wire.text_of(first[1])) == (200, "Answer 1.")
            service.kill()
        with process.served(tmp_path) as service:  # by now the file has a fixed text
            assert wire.tell(service, params) == first
            assert wire.answered(service, wire.message()) == "Thanks, we got your message."
        assert len(one.calls) == 1


def test_call_in_flight_at_the_kill_is_made_once_more(tmp_path: Path) -> None:
    """SIGKILL while the bot is asked: the next process asks it once more, with the same id, and answers for good."""
    go = threading.Event()
    texts = iter(range(1, 100))

    def answer(_call: bot.Call) -> bot.Says:
        go.wait(10)
        return 200, f"Answer {next(texts)}."

    params = wire.message()
    with bot.answering(answer) as one, ThreadPoolExecutor(1) as pool:
        config = process.HEAD + CONFIG.format(url=one.url)
        with process.served(tmp_path, config) as service:
            dying = pool.submit(wire.tell, service, params)
            one.wait_for(params)
            service.kill()
            assert isinstance(dying.exception(10), OSError)
        go.set()
        with process.served(tmp_path, config) as service:
            status, xml = wire.tell(service, params)
            assert (status, (wire.text_of(xml) or "")[:7]) == (200, "Answer ")
            assert wire.tell(service, params) == (status, xml)
            # its cooldown was used up once, by this answer
            sender = dict(params)["From"]
            assert wire.answered(service, wire.message(From=sender)) is None
        assert [call.identity for call in one.of(params)] == [f"{dict(params)['MessageUUID']}.webhook"] * 2
