"""A service with a console in this process, and a browser that is logged in to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
import pytest
from support import console


@pytest.fixture(scope="session", autouse=True)
def _compile_each_template_once() -> Iterator[None]:
    """Each test has a console of its own, and the code of a template is the same in all of them."""
    compiled, compile_ = dict[tuple[str, ...], CodeType](), jinja2.Environment.compile

    def once(environment: jinja2.Environment, *template: Any) -> CodeType:
        if template not in compiled:
            compiled[template] = compile_(environment, *template)
        return compiled[template]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", once)
        yield


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[console.House]:
    """A service in this process, with a browser that is logged in."""
    async with console.opened(tmp_path) as house:
        yield house
