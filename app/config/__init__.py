"""TOML to frozen values, or every fault at once (G11). The only package with pydantic.

`load` reads a file; nothing else reads files or the environment for settings. Packages below do not import this one:
it builds their own values.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.config import lint, numbers
from app.config.diagnostics import BadConfig, Diagnostic, Diagnostics
from app.config.policies import compile_policies, read_schedules
from app.config.routes import Reader
from app.config.store_url import located
from app.config.targets import read_targets
from app.config.tests import read_tests
from app.config.validation import check
from app.delivery.fan_out import Subscriptions
from app.delivery.target import Target, copied
from app.plivo.markup import Callback
from app.plivo.numbers import Reading
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.policies.policies import Policies
from app.rules.expectations import ConfigTest
from app.rules.table import Table
from app.runtime import Runtime
from app.settings import (
    AdminSettings,
    LoggingSettings,
    PlivoSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from app.suggestions import did_you_mean

__all__ = ["BadConfig", "Diagnostic", "Loaded", "load"]

TABLES = (
    *("server", "plivo", "store", "schedules", "routes", "rules", "opt_out", "targets", "limits", "logging", "admin"),
    "tests",
)
T = TypeVar("T")

_TOML_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that a file says."""

    settings: Settings
    runtime: Runtime
    tests: tuple[ConfigTest, ...]
    warnings: tuple[Diagnostic, ...]

    def read_number(self, source: str) -> str:
        """A number as people write it in this file's country. Raises `ValueError` with advice."""
        return numbers.read_number(source, self.settings.plivo.country)

    def read_address(self, source: str) -> Reading:
        """The same of somebody who texts us."""
        return numbers.read_address(source, self.settings.plivo.country)


def load(path: Path, **flags: Any) -> Loaded:
    """Reads the file; `flags` are keys of `[server]` from the command line. Raises `BadConfig`."""
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        message = "there is no such file; copy config.example.toml, or name one with -c or $AUTOREPLY_CONFIG"
        raise BadConfig(str(path), [Diagnostic((), message)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(str(path), [Diagnostic((), f"cannot be read: {error}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(str(path), [_toml_fault(error)]) from None
    except RecursionError:
        raise BadConfig(str(path), [Diagnostic((), "nested too deeply")]) from None
    given = {key: value for key, value in flags.items() if value is not None}
    if given and isinstance(data.setdefault("server", {}), dict):
        data["server"].update(given)
    faults = Diagnostics()
    loaded = _read(data, path.resolve().parent, _version(content, given), faults)
    if loaded is None or faults.errors:
        raise BadConfig(str(path), faults.all)
    return replace(loaded, warnings=tuple(faults.all))


def _version(content: bytes, flags: Mapping[str, Any]) -> str:
    return hashlib.sha256(content + repr(sorted(flags.items())).encode()).hexdigest()[:12]


def _toml_fault(error: tomllib.TOMLDecodeError) -> Diagnostic:
    position = _TOML_POSITION.search(str(error))
    message = f"not TOML: {_TOML_POSITION.sub('', str(error))}"
    return (
        Diagnostic((), message, line=int(position[1]), column=int(position[2])) if position else Diagnostic((), message)
    )


def _read(data: dict[str, Any], folder: Path, version: str, faults: Diagnostics) -> Loaded | None:
    for key in sorted(data.keys() - set(TABLES)):
        faults.note((key,), f"unknown table; {did_you_mean(key, TABLES)}")

    def table(name: str, options: type[T]) -> T | None:
        return check(options, data.get(name, {}), (name,), folder, faults)

    server, plivo = table("server", ServerSettings), table("plivo", PlivoSettings)
    store, logging = table("store", StoreSettings), table("logging", LoggingSettings)
    admin = table("admin", AdminSettings) if "admin" in data else None
    targets = read_targets(data.get("targets", {}), folder, server, plivo, faults)
    country = plivo.country if plivo else _country(data.get("plivo"), folder)
    reader = Reader(
        folder,
        faults,
        partial(numbers.read_number, country=country),
        partial(numbers.read_address, country=country),
        tuple(targets),
        read_schedules(data.get("schedules", {}), folder, faults),
        table("limits", LimitOptions) or LimitOptions(),
        table("opt_out", OptOutOptions) or OptOutOptions(),
    )
    routes = reader.table(data.get("routes", []), data.get("rules", {}))
    tests = read_tests(data.get("tests", []), folder, routes, faults)
    own = {name: draft.options for name, draft in reader.own.items()}
    policies = compile_policies(routes, reader.limits, reader.opt_out, own)
    lint.warn_of_exposure(data, faults)
    lint.warn_of_strangers(admin, faults)
    if plivo and not plivo.auth_tokens:
        faults.note(("plivo", "auth_tokens"), "no token is left: each one is optional and missing")
    if not (server and plivo and store and logging):
        return None
    settings = Settings(server, plivo, _located(store, folder, faults), logging, admin)
    runtime = _runtime(settings, version, routes, policies, targets)
    lint.check(settings.store, runtime, reader, faults)
    return Loaded(settings, runtime, tests, ())


def _country(plivo: Any, folder: Path) -> str | None:
    """The country of a faulty `[plivo]`, or each number would be a fault too."""
    given = {"country": plivo["country"]} if isinstance(plivo, Mapping) and "country" in plivo else {}
    read = check(PlivoSettings, {"auth_tokens": [], **given}, ("plivo",), folder, Diagnostics())
    return read.country if read else None


def _located(store: StoreSettings, folder: Path, faults: Diagnostics) -> StoreSettings:
    try:
        return replace(store, url=located(store.url, folder))
    except ValueError as error:
        faults.note(("store", "url"), str(error))
        return store


def _runtime(
    settings: Settings, version: str, table: Table, policies: Policies, targets: Mapping[str, Target]
) -> Runtime:
    server, plivo = settings.server, settings.plivo
    targets_of = {route.name: route.targets for route in table.by_name.values()}
    copies_of = {route: copied(targets, names) for route, names in targets_of.items()}
    return Runtime(
        version,
        server.public_url,
        plivo.auth_tokens,
        plivo.signature,
        table,
        policies,
        Callback(f"{server.public_url}/report", server.callback_method),
        Subscriptions(targets, table.route_name, targets_of, policies.honours_opt_outs, copies_of),
        keep_text=settings.store.keep_text > 0,
    )
