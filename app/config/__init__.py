"""TOML to frozen values, or every error at once (G11). The only package with pydantic.

`load` reads a file; nothing else reads files or the environment for settings. Packages below do not import this one:
it builds their own values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.config import exposure, lint, numbers
from app.config.diagnostics import BadConfig, Diagnostic
from app.config.effective import effective
from app.config.loading import open_source
from app.config.opt_out_words import check_words
from app.config.policies import compile_policies, read_schedules, read_test_senders
from app.config.receivers import check_receivers, warn_of_own_phones
from app.config.routes import read_routes
from app.config.routing_table import TableBuilder
from app.config.rule_options import read_rule
from app.config.source import Source
from app.config.store_only import StoreOnly, load_store
from app.config.store_url import read_store
from app.config.tables import TABLES
from app.config.targets import read_targets
from app.config.tests import OPT_OUT, read_tests
from app.config.validation import check
from app.config.version import version_of
from app.delivery.fan_out import Subscriptions, copied
from app.delivery.target import Target
from app.plivo.markup import Callback
from app.plivo.numbers import Reading
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.policies.policies import Policies
from app.rules.expectations import ConfigTest
from app.rules.schedules import Schedule
from app.rules.table import Table
from app.runtime import Runtime
from app.settings import AdminSettings, LoggingSettings, PlivoSettings, ServerSettings, Settings
from app.suggestions import did_you_mean, suggestion

__all__ = ["BadConfig", "Diagnostic", "Loaded", "StoreOnly", "load", "load_effective", "load_store"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that a file says."""

    settings: Settings
    runtime: Runtime
    tests: tuple[ConfigTest, ...]
    schedules: Mapping[str, Schedule]
    files: tuple[Path, ...]  # the file, what it includes, what its values come from; optional ones may be missing
    warnings: tuple[Diagnostic, ...]

    def read_address(self, source: str) -> Reading:
        """The address of somebody who texts us, as people of this file's country write it. Raises `ValueError`."""
        return numbers.read_address(source, self.settings.plivo.country)


def load(path: Path, **flags: Any) -> Loaded:
    """Read the file; `flags` are keys of `[server]` from the command line. Raises `BadConfig`."""
    return _load(path, flags)[1]


def load_effective(path: Path) -> Mapping[str, Any]:
    """Return the values in force, in the notation of the file, without secrets. Raises `BadConfig`."""
    return effective(_load(path, {})[0])


def _load(path: Path, flags: Mapping[str, Any]) -> tuple[Source, Loaded]:
    source = open_source(path, {key: value for key, value in flags.items() if value is not None})
    loaded = _read(source)
    diagnostics = source.diagnostics()
    if loaded is None:
        raise BadConfig(str(path), diagnostics)
    return source, replace(loaded, warnings=diagnostics)


def _read(source: Source) -> Loaded | None:
    data = source.data
    _refuse_unknown(source)

    def table(name: str, options: type[T]) -> T | None:
        return check(options, source, (name,), data.get(name, {}))

    server, plivo = table("server", ServerSettings), table("plivo", PlivoSettings)
    store, logging = read_store(source), table("logging", LoggingSettings)
    admin = table("admin", AdminSettings) if "admin" in data else None
    country = plivo.country if plivo else None
    read_number = partial(numbers.read_number, country=country)
    read_address = partial(numbers.read_address, country=country)
    targets = read_targets(source, data.get("targets", {}), plivo)
    schedules = read_schedules(source, data.get("schedules", {}))
    limits = table("limits", LimitOptions) or LimitOptions()
    opt_out = table("opt_out", OptOutOptions) or OptOutOptions()
    rules = {name: read_rule(source, name, ("rules", name), one) for name, one in _rules(source).items()}
    routes = read_routes(source, data.get("routes", []), limits, opt_out, read_address)
    builder = TableBuilder(source, routes, read_number, read_address, tuple(targets), schedules)
    routing = builder.table(rules)
    admin = read_test_senders(source, admin, routing, read_address)
    tests = read_tests(source, data.get("tests", []), routing, rules, read_address)
    own = {name: draft.options for name, draft in routes.own.items()}
    policies = compile_policies(routing, routes.limits, opt_out, own, admin)
    exposure.warn_of_exposure(source)
    exposure.warn_of_strangers(source, admin)
    exposure.check_addresses(source, server, admin)
    exposure.check_tokens(source, plivo)
    check_words(source, opt_out, routes.own.values())
    if server:
        check_receivers(source, server.public_url)
    warn_of_own_phones(source, routing, builder.rules)
    if store:
        lint.check(source, store, routing, policies, targets, routes, builder.rules)
    if not (server and plivo and store and logging) or source.has_errors:
        return None
    settings = Settings(server, plivo, store, logging, admin)
    runtime = _runtime(settings, version_of(source), routing, policies, targets)
    return Loaded(settings, runtime, tests, schedules, (*source.contents, *source.missing), ())


def _refuse_unknown(source: Source) -> None:
    """Note tables that no file has. The table that was probably meant is not reported as missing, too."""
    for key in sorted(source.data.keys() - set(TABLES)):
        what = "table" if isinstance(source.data[key], dict | list) else "key"
        source.note((key,), f"unknown {what}; {did_you_mean(key, TABLES)}", about="key")
        if (meant := suggestion(key, TABLES)) and meant not in source.data:
            source.forget((meant,))


def _rules(source: Source) -> Mapping[str, Any]:
    """`[rules]`, whose names are checked."""
    named = source.data.get("rules", {})
    if not isinstance(named, Mapping):
        source.refuse(("rules",), "expected tables; write [rules.hours] and its keys below")
        source.forget(("rules",))
        return {}
    for name in named:
        if name == OPT_OUT:
            message = "opt-outs have this name in the journal; give the rule another one"
            source.note(("rules", name), message, about="key")
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            message = "not a name for a rule; write letters, digits, hyphens and underscores"
            source.note(("rules", name), message, about="key")
    return named


def _runtime(
    settings: Settings, version: str, table: Table, policies: Policies, targets: Mapping[str, Target]
) -> Runtime:
    server, plivo = settings.server, settings.plivo
    targets_of = {route.name: route.targets for route in table.by_name.values()}
    known_of = {route: [name for name in names if name in targets] for route, names in targets_of.items()}
    copies_of = {route: copied(targets, names) for route, names in known_of.items()}  # lint reports unknown names
    return Runtime(
        version,
        server.public_url,
        plivo.auth_tokens,
        plivo.signature,
        table,
        policies,
        Callback(f"{server.public_url}/report", server.callback_method),
        Subscriptions(
            targets, table.route_name, targets_of, policies.honours_opt_outs, copies_of, policies.test_senders
        ),
        keep_text=settings.store.keep_text > 0,
    )
