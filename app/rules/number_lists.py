"""Lists of numbers in files, one a line. Pure."""

from collections.abc import Iterator


def lines_of(text: str, *, is_file: bool = False) -> Iterator[tuple[str, range | None]]:
    """Yield each number of a text, and which characters of it are meant: None, if the text is one number.

    Empty lines are left out, and so is what stands behind `#`. `is_file`: the text is a list even without a line end.
    """
    if not is_file and "\n" not in text and "#" not in text:
        yield text, None
        return
    offset = 0
    for line in text.splitlines(keepends=True):
        written = line.partition("#")[0]
        number, start = written.strip(), offset + len(written) - len(written.lstrip())
        offset += len(line)
        if number:
            yield number, range(start, start + len(number))
