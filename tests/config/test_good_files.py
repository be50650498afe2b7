"""What people write loads to what they mean.

Each file of `good/` tells in its first lines what it must load to, as JSON, and each warning that it must raise:

    # expect: numbers = {"33644600000": "support"}
    # expect: says = {"hi": [["33644600000", ["33700000001"], "Got it."]]}     src, dst, text of each message
    # warning: 8:8 rules.old | no route uses this rule                  its line and column
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support import compiler

from app.config import Loaded, load
from app.plivo.messages import InboundMessage
from app.policies.limits import RouteLimits
from app.policies.opt_out import RouteOptOut
from app.policies.policies import RoutePolicy
from app.rules.chain import walk
from app.rules.rule import Rule
from app.rules.table import Route
from app.settings import PlivoSettings

GOOD = Path(__file__).parent / "good"
FILES = sorted(GOOD.glob("*.toml"))
EXPECT, WARNING = "# expect: ", "# warning: "
ENVIRONMENT = {
    "PLIVO_AUTH_TOKEN": "hunter2-of-the-environment",
    "OLD_TOKEN": "hunter2-old",
    "HOLIDAY": "2026-03-04",
    "OUR_NUMBER": "+33 6 44 60 00 00",
    "CRM_SECRET": "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==",
}

WORDS = ("arret", "aide", "end", "quit", "stop", "start")


def _rules(config: Loaded) -> list[Rule]:
    return [rule for route in config.runtime.table.by_name.values() for rule in route.rules]


def _limits(config: Loaded) -> dict[str, Any]:
    routes = {name: own.limits.caps for name, own in _own(config).items()}
    totals = {name: [str(rate) for budget, rate in caps if budget.scope] for name, caps in routes.items()}
    common = _limits_of_route(_common(config).limits)
    return {**common, "totals": {name: rates for name, rates in totals.items() if rates}}


def _limits_of_route(limits: RouteLimits) -> dict[str, Any]:
    return {
        "per_sender": [str(rate) for rate in limits.per_sender],
        "same_text": [str(rate) for rate in limits.same_text],
        "total": [f"{rate} {budget.scope}".strip() for budget, rate in limits.caps],
        "max_units": limits.max_units,
        "exempt": sorted(limits.exempt),
        "reactions": limits.reactions,
    }


def _opt_out_of_route(options: RouteOptOut) -> list[str]:
    replies = options.replies
    return [options.mode, options.scope, replies["stop"], replies["start"], options.words["arret"]]


def _own(config: Loaded) -> Mapping[str, RoutePolicy]:
    return config.runtime.policies.by_route


def _common(config: Loaded) -> RoutePolicy:
    return config.runtime.policies.default


def _routes(config: Loaded) -> Iterable[Route]:
    return config.runtime.table.by_name.values()


def _provisioning(plivo: PlivoSettings) -> list[Any]:
    return [plivo.application, plivo.answer_url, plivo.log_incoming_messages, plivo.api_url]


SAID: Mapping[str, Callable[[Loaded], Any]] = {
    "public_url": lambda config: config.settings.server.public_url,
    "host": lambda config: config.settings.server.host,
    "port": lambda config: config.settings.server.port,
    "deadline": lambda config: config.settings.server.deadline,
    "body_limit": lambda config: config.settings.server.body_limit,
    "callback_method": lambda config: config.runtime.callback.method,
    "admin": lambda config: str(config.settings.admin.listen) if config.settings.admin else None,
    "admin_token": lambda config: config.settings.admin.token if config.settings.admin else None,
    "hosts": lambda config: list(config.settings.admin.hosts) if config.settings.admin else None,
    "test_senders": lambda config: list(config.settings.admin.test_senders) if config.settings.admin else None,
    "reserve": lambda config: config.settings.store.reserve,
    "provisioning": lambda config: _provisioning(config.settings.plivo),
    "signature": lambda config: config.runtime.signature,
    "tokens": lambda config: len(config.runtime.tokens),
    "keep": lambda config: config.settings.store.keep,
    "keep_text": lambda config: config.settings.store.keep_text,
    "numbers": lambda config: {number: route.name for number, route in config.runtime.table.by_number.items()},
    "default": lambda config: config.runtime.table.default.name if config.runtime.table.default else None,
    "rules": lambda config: {
        name: [rule.name for rule in route.rules] for name, route in config.runtime.table.by_name.items()
    },
    "targets": lambda config: {
        route.name: list(route.targets) for route in _routes(config) if config.runtime.subscriptions.targets
    },
    "opt_out": lambda config: {
        "mode": _common(config).opt_out.mode,
        "scope": _common(config).opt_out.scope,
        **_common(config).opt_out.replies,
    },
    "words": lambda config: {word: _common(config).opt_out.words.get(word) for word in WORDS},
    "own_opt_out": lambda config: {name: _opt_out_of_route(own.opt_out) for name, own in _own(config).items()},
    "limits": _limits,
    "own_limits": lambda config: {name: _limits_of_route(own.limits) for name, own in _own(config).items()},
    "cooldowns": lambda config: {
        rule.name: [rule.cooldown.seconds, rule.cooldown.then] if rule.cooldown else None for rule in _rules(config)
    },
    "lives": lambda config: {rule.name: rule.lifetime for rule in _rules(config)},
    "effects": lambda config: {rule.name: rule.has_effects for rule in _rules(config)},
    "tests": lambda config: [test.name for test in config.tests],
    "headers": lambda config: {
        name: dict(target.headers) for name, target in config.runtime.subscriptions.targets.items()
    },
    "retry": lambda config: {name: list(target.retry) for name, target in config.runtime.subscriptions.targets.items()},
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the files name, and nothing of NOT_SET."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path))
    monkeypatch.delenv("NOT_SET", raising=False)


def _head(file: Path, mark: str) -> list[str]:
    return [line.removeprefix(mark) for line in file.read_text().splitlines() if line.startswith(mark)]


async def _says(config: Loaded, text: str) -> list[list[Any]]:
    """What +33700000001 gets when they text +33644600000."""
    message = InboundMessage.of("00000000-0000-0000-0000-000000000001", "33700000001", "33644600000", text)
    route = config.runtime.table.route(message.to)
    assert route is not None
    outcome = await walk(route, message, 1_772_442_000.0, {})
    return [[message.src, list(message.dst), message.text] for message in compiler.said(outcome)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_file_loads_to_what_it_says(file: Path, tmp_path: Path) -> None:
    """Numbers, sources, lists of one, nameless actions and defaults are read as people mean them."""
    config = load(file)
    expected = {name: json.loads(value) for name, _, value in (line.partition(" = ") for line in _head(file, EXPECT))}
    for text, messages in expected.pop("says", {}).items():
        assert await _says(config, text) == messages
    if "store" in expected:
        assert config.settings.store.file == tmp_path / expected.pop("store")
    assert {name: SAID[name](config) for name in expected} == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_raises_its_warnings_and_no_other(file: Path) -> None:
    """What is legal and probably not meant is warned of, at its place; nothing else is."""
    expected = [(place, part) for place, _, part in (line.rpartition(" | ") for line in _head(file, WARNING))]
    told = [(f"{one.line}:{one.column} {one.key}", one.message) for one in load(file).warnings]
    assert [place for place, _ in told] == [place for place, _ in expected]
    assert all(part in message for (_, part), (_, message) in zip(expected, told, strict=True)), told


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_good_file_shows_a_secret(file: Path) -> None:
    """Neither the config as a developer prints it nor a warning holds a token or a secret."""
    config = load(file)
    told = repr(config) + str(config) + "".join(map(str, config.warnings))
    assert "hunter2" not in told
    assert "aHVudGVyMi1odW50" not in told


def test_files_are_there() -> None:
    """A glob that finds nothing would pass."""
    assert len(FILES) >= 25
