"""Functions that no rule can use."""


def sync(_message: object, _context: object) -> str:
    """Would hold everybody up."""
    return "Hi."


async def one(_message: object) -> str:
    """Takes one argument too few."""
    return "Hi."
