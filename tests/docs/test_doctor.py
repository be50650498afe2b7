"""docs/how-to/check-the-setup.md names every check that `doctor` makes."""

import json
import re
from pathlib import Path

from support import process
from support.front import front
from support.plivo_api import AUTH_ID, plivo_api

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "check-the-setup.md").read_text()
NAMES = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
CONFIG = """
[server]
public_url = "{url}"
[plivo]
auth_tokens = ["first", "second"]
auth_id = "{auth_id}"
api_url = "{api_url}"
[[routes]]
to = "*"
text = "Got it."
[targets.x]
url = "http://localhost:9/hook"
"""


def test_every_check_is_on_the_page(tmp_path: Path) -> None:
    """Whoever sees a check can read what it wants."""
    with plivo_api() as account, front() as proxy:
        account.token = "first"
        account.add_number(
            "33644600000", account.add_application("plivo-autoreply", message_url=f"{proxy.url}/message")
        )
        config = CONFIG.format(url=proxy.url, auth_id=AUTH_ID, api_url=account.url)
        proxy.more = {"age": "1", "content-encoding": "br"}
        with process.served(tmp_path, config) as service:
            proxy.upstream = service.url
            done = process.run("doctor", "--json", cwd=tmp_path)
    made = {check["name"] for check in json.loads(done.stdout)["checks"]}
    assert made - NAMES - {"token 2"} == set()
    assert NAMES - made == {"token 2", "plivo", "rule x", "route x"} - made
