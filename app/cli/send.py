"""`send`: play Plivo against a running instance."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.times import zone_option

SIGNATURES = ("v2", "ma-v2", "v3", "ma-v3", "both")
STATUSES = ("queued", "sent", "delivered", "undelivered", "failed")


@click.command("send")
@config_option
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "sender", required=True, help="Who writes.")
@click.option("--text", default="", help="What they write.")
@click.option("--method", type=click.Choice(["GET", "POST"], case_sensitive=False), default="POST", show_default=True)
@click.option("--signature", type=click.Choice(SIGNATURES), default="both", show_default=True)
@click.option("--report", type=click.Choice(STATUSES), help="Then report each message of the reply, up to this.")
@click.option("--uuid", help="The MessageUUID; the same one again is Plivo's retry. Default: a new one.")
@click.option("--type", "kind", type=click.Choice(["sms", "mms", "whatsapp"]), default="sms", show_default=True)
@click.option("--intent", type=click.Choice(["optout", "optin", "help"]), help="MessageIntent, as Plivo sets it.")
@click.option("--url", help="Where the instance listens. Default: [server] host and port.")
@click.option("--public-url", help="The URL that Plivo calls; overrides the file, as in `serve`.")
@zone_option
@json_option
@runs("send:main")
def command() -> None:
    """Send a signed message to a running instance and print its reply. Sends no SMS and asks Plivo nothing.

    If the reply is silence, the reason is looked up in the store of the file, where it is at hand. The exit code is 1
    if the instance does not answer, or not with 200.

    \b
    Example: plivo-autoreply send --to +33644600000 --from +33700000001 --text "Hours?" --report delivered
    """
