"""What a Python rule may import from here. Versioned like the config file: see CHANGELOG.md.

from app.rules.api import Context, Message, Reply, Sms
"""

from app.rules.kinds.python import Context, Message, Reply, Sms

__all__ = ["Context", "Message", "Reply", "Sms"]
