"""A command as its users call it, but in this process: the real entry point, arguments, environment, exit code."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli import main
from support import plivo_sdk


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Calls commands in a folder of config and data."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """`plivo-autoreply ARGUMENTS`."""
        self.capsys.readouterr()
        with self.monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["plivo-autoreply", *arguments])
            variables = {"PLIVO_AUTH_TOKEN": plivo_sdk.TOKEN, "AUTOREPLY_DATA": str(self.folder)} | environment
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.delenv("AUTOREPLY_CONFIG", raising=False)
            with pytest.raises(SystemExit) as ended:
                main()
        said = self.capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)
