"""Decode text files: UTF-8, or the UTF-16 of spreadsheets and Windows shells."""

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(content: bytes) -> str:
    """Return the text, without the byte order mark and with its line ends as they are. Raises `UnicodeDecodeError`."""
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
