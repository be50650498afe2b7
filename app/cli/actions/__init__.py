"""What commands do. A command's file in `app.cli` declares its arguments; the action is imported when it is used.

So `--help` and the completion of a shell need not wait for what an action imports, which takes half a second.
"""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

Action = Callable[..., None]


def runs(place: str) -> Callable[[Action], Action]:
    """Make a command of a declaration, which has no body. `place` is its action, as module:function of this package.

    The parameters of the action are the arguments of the command, by name; a test compares them.
    """

    def decorate(declaration: Action) -> Action:
        @functools.wraps(declaration)
        def run(**options: Any) -> None:
            find(place)(**options)

        vars(run)["place"] = place
        return run

    return decorate


def find(place: str) -> Action:
    """Import an action."""
    module, _, name = place.partition(":")
    action: Action = getattr(import_module(f"{__name__}.{module}"), name)
    return action
