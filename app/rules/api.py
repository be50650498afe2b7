"""The public interface of Python rules. It is versioned like the configuration file: see CHANGELOG.md.

    from app.rules.api import Context, Message, Reply, Sms

docs/rules/python.md describes how a function uses it.
"""

from app.rules.kinds.python import Context, Message, Reply, Sms

__all__ = ["Context", "Message", "Reply", "Sms"]
