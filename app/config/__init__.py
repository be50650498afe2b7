"""TOML to frozen values, or every fault at once (G11). The only package with pydantic.

`load` reads a file; nothing else reads files or the environment for settings. Packages below do not import this one:
it builds their own values.
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from app.config import lint, policies
from app.config import models as sections
from app.config import numbers as phones
from app.config.admin import AdminTable, warn_of_strangers
from app.config.diagnostics import BadConfig, Diagnostic, Diagnostics, did_you_mean
from app.config.routes import Reader
from app.config.targets import read_targets
from app.config.tests import read_tests
from app.config.validation import check
from app.delivery.fan_out import Subscriptions
from app.delivery.target import Target
from app.plivo.markup import Callback
from app.plivo.numbers import Reading
from app.plivo.signature import Token
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules.table import Table
from app.runtime import Runtime
from app.store import URL, Keep, StoreOptions, server_url

__all__ = ["BadConfig", "Config", "Diagnostic", "load"]

_TOML_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a file says."""

    server: sections.ServerTable
    logging: sections.Logging
    admin: AdminTable | None  # None: no socket of its own
    tokens: tuple[Token, ...]
    signature: Literal["any", "v3", "log-only"]
    store: StoreOptions
    keep_text: bool
    table: Table
    rules: int
    targets: Mapping[str, Target]
    opt_out: OptOutOptions
    limits: LimitOptions
    runtime: Runtime
    tests: tuple[sections.Test, ...]
    read_number: Callable[[str], str]  # numbers as people write them in this file's country
    read_address: Callable[[str], Reading]  # the same of people who text us
    warnings: tuple[Diagnostic, ...]
    version: str  # of what the file says; the journal keeps it with each answer


def load(path: Path, **flags: Any) -> Config:
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
    config = _read(data, path.resolve().parent, _version(content, given), faults)
    if config is None or faults.errors:
        raise BadConfig(str(path), faults.all)
    return config


def _version(content: bytes, flags: Mapping[str, Any]) -> str:
    return hashlib.sha256(content + repr(sorted(flags.items())).encode()).hexdigest()[:12]


def _toml_fault(error: tomllib.TOMLDecodeError) -> Diagnostic:
    position = _TOML_POSITION.search(str(error))
    message = f"not TOML: {_TOML_POSITION.sub('', str(error))}"
    return (
        Diagnostic((), message, line=int(position[1]), column=int(position[2])) if position else Diagnostic((), message)
    )


def _read(data: dict[str, Any], folder: Path, version: str, faults: Diagnostics) -> Config | None:
    for key in sorted(data.keys() - set(sections.TABLES)):
        faults.note((key,), f"unknown table; {did_you_mean(key, sections.TABLES)}")
    server = check(sections.ServerTable, data.get("server", {}), ("server",), folder, faults)
    plivo = check(sections.Plivo, data.get("plivo", {}), ("plivo",), folder, faults)
    store = check(sections.StoreTable, data.get("store", {}), ("store",), folder, faults)
    logging = check(sections.Logging, data.get("logging", {}), ("logging",), folder, faults)
    admin = check(AdminTable, data["admin"], ("admin",), folder, faults) if "admin" in data else None
    country = _country(data.get("plivo", {}), folder, faults)
    read_number = partial(phones.read_number, country=country)
    read_address = partial(phones.read_address, country=country)
    limits = policies.read_limits(data.get("limits", {}), folder, read_address, faults)
    opt_out = check(sections.OptOut, data.get("opt_out", {}), ("opt_out",), folder, faults) or sections.OptOut()
    targets = read_targets(data.get("targets", {}), folder, server, plivo, faults)
    schedules = policies.read_schedules(data.get("schedules", {}), folder, faults)
    reader = Reader(folder, faults, read_number, read_address, tuple(targets), schedules, limits.max_units)
    table = reader.table(data.get("routes", []), data.get("rules", {}))
    limits = replace(limits, route_totals=policies.route_totals(reader))
    own = policies.route_options(reader, opt_out, limits, faults)
    tests = read_tests(data.get("tests", []), folder, table, faults)
    lint.warn_of_exposure(data, faults)
    warn_of_strangers(admin, faults)
    if plivo and not plivo.auth_tokens:
        faults.note(("plivo", "auth_tokens"), "no token is left: each one is optional and missing")
    if not (server and plivo and store and logging):
        return None
    where = _where(store.url, folder, faults)
    lint.warn_of_reserve(where, store.reserve, faults)
    options = policies.opt_out_options(opt_out)
    lint.check_windows(store.keep, limits, own, table, faults)
    lint.check_copies(store.keep_text, targets, faults)
    lint.warn_of_kept_answers(store.keep_text, faults)
    lint.check_limits(limits, own, options, faults)
    lint.warn_of_shared_cap(limits, table, faults)
    lint.warn_of_opt_out_words(table, options, own, faults)
    compiled = policies.compile_policies(table, options, limits, own)
    return Config(
        server=server,
        logging=logging,
        admin=admin,
        tokens=plivo.auth_tokens,
        signature=plivo.signature,
        store=StoreOptions(where, Keep(store.keep, store.keep_text), store.reserve),
        keep_text=store.keep_text > 0,
        table=table,
        rules=len(data.get("rules", {})),
        targets=targets,
        opt_out=options,
        limits=limits,
        runtime=Runtime(
            version,
            server.public_url,
            plivo.auth_tokens,
            plivo.signature,
            table,
            compiled,
            Callback(f"{server.public_url}/report", server.callback_method),
            Subscriptions(
                targets,
                table.route_name,
                {route.name: route.targets for route in table.by_name.values()},
                compiled.honours_opt_outs,
            ),
            keep_text=store.keep_text > 0,
        ),
        tests=tests,
        read_number=read_number,
        read_address=read_address,
        warnings=tuple(fault for fault in faults.all if fault.severity == "warning"),
        version=version,
    )


def _country(data: Any, folder: Path, faults: Diagnostics) -> str | None:
    """Read by itself, so that another fault of `[plivo]` does not make every number one."""
    given = {"country": data["country"]} if isinstance(data, Mapping) and "country" in data else {}
    model = check(sections.Country, given, ("plivo",), folder, faults)
    if model is None or model.country is None:
        return None
    try:
        return phones.read_country(model.country)
    except ValueError as error:
        faults.note(("plivo", "country"), str(error))
        return None


def _where(url: str, folder: Path, faults: Diagnostics) -> Path | URL:
    """The file or the server of `[store] url`. Never by the working directory: a server that is started elsewhere
    would begin an empty store, without any opt-out.
    """
    if url.startswith(_SQLITE) and any(strange in url for strange in ("?", "#", ":memory:")):
        faults.note(
            ("store", "url"), "a path only; there are no options, and no store in memory: it keeps what it promises"
        )
        return Path(url)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        path = Path(url.removeprefix(_SQLITE))
        return path if path.is_absolute() else _data_folder(folder, faults) / path
    try:
        return server_url(url)
    except ValueError as error:
        advice = 'url = "sqlite:///autoreply.db" is a file (four slashes for an absolute path)'
        faults.note(("store", "url"), f"{error}; {advice}")
    return Path(url)


def _data_folder(folder: Path, faults: Diagnostics) -> Path:
    """$AUTOREPLY_DATA, else the folder of the config file."""
    data = os.environ.get("AUTOREPLY_DATA")
    if not data:
        return folder
    if not Path(data).is_dir():
        message = f"$AUTOREPLY_DATA is {data!r}, and there is no such folder: create it, or mount the volume"
        faults.note(("store", "url"), message)
    return Path(data).absolute()
