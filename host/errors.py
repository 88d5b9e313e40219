"""Error messages that say which node speaks."""

from contextlib import contextmanager


@contextmanager
def named(node: str):
    """Put the node's name before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(node):
            raise
        raise ValueError(f"{node}: {error}") from error
