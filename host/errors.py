"""Error messages that begin with the name of the node."""

from contextlib import contextmanager

_NO_MEMORY = ("can't allocate memory", "DefaultCPUAllocator", "not enough memory")


@contextmanager
def named(node: str):
    """Puts the node's name before the message of errors about its inputs, its files and memory.

    A ValueError stays one. An error of the disk becomes a ValueError, and an error of memory a MemoryError, with a
    message that says what to do.
    """
    try:
        yield
    except ValueError as error:
        if str(error).startswith(node):
            raise
        raise ValueError(f"{node}: {error}") from error
    except OSError as error:
        if error.errno is None:  # not from the system: it has a message of its own
            raise
        raise ValueError(
            f"{node}: got an error of the disk ({error}), expected files that can be read and written; check whether "
            "it is full or read-only."
        ) from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in _NO_MEMORY):
            raise
        raise MemoryError(
            f"{node}: got no more memory ({error}), expected room for what this node makes; make less at once: fewer "
            "or smaller pictures, or fewer particles at once."
        ) from error
