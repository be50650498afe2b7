"""A function beside a config file."""

from app.rules.kinds.python import Context, Message


async def reply(message: Message, _context: Context) -> str:
    """Says what was said."""
    return message.text
