"""`@frozen` makes a slotted dataclass that only the type checker keeps frozen, for values that every message creates.

`@dataclass(frozen=True)` also refuses assignments at run time, which makes instances slower to create: each field is
set through `object.__setattr__`, which takes five times as long. Values that outlive a request, and those handed to
users' code, keep the check at run time.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Make a dataclass with slots. Instances compare by their fields and cannot be hashed."""
    return dataclass(slots=True)(cls)
