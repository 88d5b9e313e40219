"""`make serve`: leave ComfyUI running with the extension, its templates and its demo model in it."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser

from .env import EXTENSION
from .server import Host, HostError

DEFAULT_PORT = 8188


def has_display() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def serve(port: int) -> None:
    print("Starting ComfyUI ...", flush=True)
    with Host(port=port) as host:
        print(f"ComfyUI is at {host.url} (log: {host.log}; Ctrl-C stops it).")
        print(f"Workflow > Browse Templates > {EXTENSION} has the workflows to start from.", flush=True)
        if has_display():
            webbrowser.open(host.url)
        host.process.wait()
        raise HostError(f"ComfyUI ended by itself with code {host.process.returncode}.\n{host.log_end()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="a loopback port; 0 takes a free one")
    try:
        serve(parser.parse_args().port)
    except HostError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nStopped.")


if __name__ == "__main__":
    main()
