"""The page on the API: each command works against a running service, and each path is told."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import api, plivo_sdk, process, receiver, scrape, wire

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
UUID = "5b40a428-bfc7-4daf-9d06-726c558bf3b8"
TARGET = '[targets.crm]\nurl = "{url}/crm"\nretry = ["1s"]\n'
CONFIG = process.MINIMAL.replace("[[routes]]", '[[routes]]\nname = "shop"') + scrape.ADMIN + f'token = "{api.TOKEN}"\n'


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_every_command_works(tmp_path: Path) -> None:
    """In the order of the page, one after the other, in a shell that stops at the first that fails."""
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    with (
        receiver.receiving(lambda _got: 400) as crm,
        process.served(tmp_path, CONFIG + TARGET.replace("{url}", crm.url)) as service,
    ):
        came = plivo_sdk.message(MessageUUID=UUID, From="33700000001", To="33644600000", Text="hours")
        assert wire.tell(service, came)[0] == 200
        report = [("MessageUUID", "reply-1"), ("Status", "delivered"), ("From", "33644600000"), ("To", "33700000001")]
        assert wire.tell(service, report, f"/report/{UUID}")[0] == 200
        crm.wait_for(lambda got: len(got) >= 1)
        said = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _program(scrape.port(service))],
            cwd=tmp_path,
            env=process.environment(tmp_path, AUTOREPLY_ADMIN_TOKEN=api.TOKEN, CURL_HOME=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (said.returncode, said.stderr) == (0, ""), said.stdout
    assert '"missing": []' in said.stdout
    assert f'"message_uuid": "{UUID}"' in said.stdout
    assert json.loads((tmp_path / "openapi.json").read_text()) == json.loads(json.dumps(api.DOCUMENT))


def _program(port: int) -> str:
    return "\n".join(COMMANDS).replace("127.0.0.1:9090", f"127.0.0.1:{port}")


def test_every_path_is_told() -> None:
    """The table has each path, and no other."""
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `/")]
    told = {path for row in rows for path in re.findall(r"`(/[^`]*)`", row)}
    paths = set(api.DOCUMENT["paths"])
    assert {path.replace("/targets/{name}/resume", "/resume") for path in paths} == told


def test_every_status_is_told() -> None:
    """The table of errors has each status of the description, but 500."""
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
    told = {int(status) for row in rows for status in row.split(",")}
    described = {int(s) for item in api.DOCUMENT["paths"].values() for one in item.values() for s in one["responses"]}
    assert {status for status in described if status >= 400} - {500} | {405} == told
