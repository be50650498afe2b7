"""The tables of a file, in the order in which people write them, and the dataclass that declares each."""

from collections.abc import Mapping
from typing import Any

from app.delivery.target import Target
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions
from app.rules.expectations import ConfigTest
from app.rules.schedules import ScheduleOptions
from app.rules.table import RouteOptions
from app.settings import AdminSettings, LoggingSettings, PlivoSettings, ServerSettings, StoreSettings

INCLUDE = "include"
LISTS = ("routes", "tests")
SHARED = ("routes", "rules", "schedules", "tests")  # what an included file may hold

TABLES: Mapping[str, type[Any] | None] = {
    "server": ServerSettings,
    "plivo": PlivoSettings,
    "store": StoreSettings,
    "schedules": ScheduleOptions,
    "routes": RouteOptions,
    "rules": None,  # declared by what every rule has, and by its kind
    "opt_out": OptOutOptions,
    "targets": Target,
    "limits": LimitOptions,
    "logging": LoggingSettings,
    "admin": AdminSettings,
    "tests": ConfigTest,
}
