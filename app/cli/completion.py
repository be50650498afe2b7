"""`completion`: what a shell needs to complete commands, options and their values."""

import click
from click.shell_completion import get_completion_class

from app.cli import PROGRAM, cli

VARIABLE = "_PLIVO_AUTOREPLY_COMPLETE"  # as click derives it from the name of the program
SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script that makes a shell complete commands, options and their values.

    \b
    bash, in ~/.bashrc:  eval "$(plivo-autoreply completion bash)"
    zsh, in ~/.zshrc:    eval "$(plivo-autoreply completion zsh)"
    fish:                plivo-autoreply completion fish > ~/.config/fish/completions/plivo-autoreply.fish

    \b
    Example: eval "$(plivo-autoreply completion bash)"
    """
    script = get_completion_class(shell)
    if script is None:  # a shell that click no longer knows
        raise click.UsageError(f"no script for {shell}")
    click.echo(script(cli, {}, PROGRAM, VARIABLE).source())
