"""`secret`: a new signing secret."""

import base64
import secrets

import click

from app.http_client import SECRET_PREFIX

BYTES = 32  # Standard Webhooks asks for 24 to 64


@click.command("secret")
def command() -> None:
    """Print a new Standard Webhooks secret, for `secrets` of a target.

    \b
    Example: CRM_SECRET=$(plivo-autoreply secret)
    """
    click.echo(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode())
