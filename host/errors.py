"""Error messages that say which node speaks."""

from contextlib import contextmanager

_NO_MEMORY = ("can't allocate memory", "DefaultCPUAllocator", "not enough memory")


@contextmanager
def named(node: str):
    """Put the node's name before the message of an error that is about its inputs, its files or the memory.

    ValueError keeps its kind. What the disk or the memory refuses becomes one, or a MemoryError, that says what to do.
    """
    try:
        yield
    except ValueError as error:
        if str(error).startswith(node):
            raise
        raise ValueError(f"{node}: {error}") from error
    except OSError as error:
        if error.errno is None:  # not the system's, and with a message of its own
            raise
        raise ValueError(
            f"{node}: got an error of the disk ({error}), expected files that can be read and written; look whether "
            "it is full, or closed to writing."
        ) from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in _NO_MEMORY):
            raise
        raise MemoryError(
            f"{node}: got no more memory ({error}), expected room for what this node makes; make less at once: fewer "
            "or smaller pictures, or fewer particles at once."
        ) from error
