"""docker-compose.yml, as text: what every service is bounded by, and what the service finds in its container."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
IMAGE = (ROOT / "Dockerfile").read_text()
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^(\S[\w-]*):(.*\n(?:(?:[ #].*)?\n)*)", re.MULTILINE)  # a key at the margin and what is below it
OURS = ("autoreply", "replica-1", "replica-2")


def _services() -> dict[str, str]:
    """Each service with what it merges from the anchors."""
    top: dict[str, str] = dict(BLOCK.findall(COMPOSE))
    anchors = {found[1]: body for body in top.values() if (found := re.match(r" &(\w+)", body))}
    below = re.sub(r"^  ", "", top["services"].removeprefix("\n"), flags=re.MULTILINE)
    services: dict[str, str] = dict(BLOCK.findall(below))
    return {name: _merged(body, anchors) for name, body in services.items()}


def _merged(body: str, anchors: dict[str, str]) -> str:
    for name in re.findall(r"\*(\w+)", body):
        body += _merged(anchors[name], anchors)
    return body


SERVICES = _services()


def test_the_services_are_found() -> None:
    """A pattern that finds nothing would prove nothing."""
    assert set(SERVICES) == {*OURS, "db", "proxy"}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_bounded(service: str) -> None:
    """None may take all memory, processes or descriptors of the machine, nor fill its disk with its log."""
    body = SERVICES[service]
    for bound in (r"mem_limit: \S", r"pids_limit: \d", r"nofile: \d", r'max-size: "\d+m"', r'max-file: "\d+"'):
        assert re.search(bound, body), bound


def test_a_stranger_cannot_take_the_replicas_out() -> None:
    """The proxy asks /ready, and counts no failed requests (tests/system/test_proxies.py shows why)."""
    assert "health_uri /ready" in COMPOSE
    assert not re.search(r"^\s+fail_duration", COMPOSE, re.MULTILINE)


@pytest.mark.parametrize("service", OURS)
def test_config_folder_and_env_file_reach_the_service(service: str) -> None:
    """The config with all that lies beside it is one folder; secrets come from .env, which may be missing."""
    body = SERVICES[service]
    assert "- ./config:/config:ro\n" in body
    assert "env_file: [{ path: .env, required: false }]" in body
    assert "AUTOREPLY_CONFIG=/config/config.toml AUTOREPLY_DATA=/data" in IMAGE


def test_the_readme_starts_it_in_two_commands() -> None:
    """A copy of the example, and up: the folder that is mounted comes with the repository, empty."""
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "docker compose up" in block]
    copy, up = block.splitlines()
    assert copy.startswith("cp config.example.toml config/config.toml")
    assert up == "PLIVO_AUTH_TOKEN=.. docker compose up --build --wait"
    assert (ROOT / "config" / ".gitignore").read_text().splitlines()[-2:] == ["*", "!.gitignore"]
    assert "docker compose exec autoreply plivo-autoreply history" in README
