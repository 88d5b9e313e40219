"""ComfyUI itself as a child process: boot it headless, wait until it answers, stop it."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch

from .env import EXTENSION, ROOT, WINDOWS, make_base_directory

HOST_FOLDER = Path(sys.prefix) / "ComfyUI"  # beside the Python that runs this
BASE_DIRECTORY = ROOT / ".host"
BOOT_SECONDS = 300
STOP_SECONDS = 20
LOG_LINES = 60


class HostError(RuntimeError):
    """The host did not boot, or booted without the extension. The message ends with the end of its log."""


def free_port(wanted: int = 0) -> int:
    """A loopback port that was free a moment ago: `wanted` where it is, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise HostError("No loopback port is free.")


def device_arguments() -> list[str]:
    """The host refuses to start without an accelerator unless it is told to use the CPU."""
    return [] if torch.accelerator.is_available() else ["--cpu"]


def frontend_arguments() -> list[str]:
    """FRONTEND names the folder of another page than the host's own: `static` of a comfyui-frontend-package."""
    folder = os.environ.get("FRONTEND")
    return ["--front-end-root", folder] if folder else []


def host_arguments(base: Path) -> list[str]:
    """The host's command line, whether it runs as a process or inside the tests.

    Nothing here lets the host or its page reach beyond this machine; metadata stays on, because saved
    pictures must carry their workflow.
    """
    return [
        *("--base-directory", str(base)),
        *("--database-url", "sqlite:///:memory:"),
        *("--preview-method", "auto"),
        "--disable-auto-launch",
        "--disable-api-nodes",
        *frontend_arguments(),
        *device_arguments(),
    ]


def host_environment() -> dict[str, str]:
    """Ours without the variables that change where Python looks: the host finds the extension by itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


class Host:
    """A running host.

    Args:
        base: the host's --base-directory; laid out (with this checkout as an extension) where it is not.
        output: where pictures are saved; `base/output` if not given.
        port: the loopback port to use; another one where it is taken or not given.
        log: the file that receives what the host prints; `base/host.log` if not given.
        extension: the folder with the extension; this checkout if not given.

    Raises:
        HostError: on entering, where the host does not answer or the extension did not import.
    """

    def __init__(
        self,
        base: Path = BASE_DIRECTORY,
        output: Path | None = None,
        port: int = 0,
        log: Path | None = None,
        extension: Path = ROOT,
    ):
        self.base = Path(base).absolute()
        self.output = Path(output or self.base / "output").absolute()
        self.port = free_port(port)
        self.log = Path(log or self.base / "host.log")
        self.extension = extension
        self._process: subprocess.Popen | None = None

    @property
    def process(self) -> subprocess.Popen:
        """Raises HostError before the host was started."""
        if self._process is None:
            raise HostError("ComfyUI was not started; use its `Host` in a `with` statement.")
        return self._process

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> Host:
        atexit.register(self.stop)  # a test run that breaks down never comes to __exit__
        make_base_directory(self.base, self.extension)
        self.output.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=subprocess.STDOUT, cwd=self.base, start_new_session=True,
                env=host_environment(),
            )
        try:
            self.wait_until_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def command(self) -> list[str]:
        place = ["--listen", "127.0.0.1", "--port", str(self.port), "--output-directory", str(self.output)]
        return [sys.executable, str(HOST_FOLDER / "main.py"), *host_arguments(self.base), *place]

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not self.answers():
            if self.process.poll() is not None:
                raise HostError(f"ComfyUI ended with code {self.process.returncode} while starting.\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise HostError(f"ComfyUI did not answer on {self.url} within {BOOT_SECONDS} s.\n{self.log_end()}")
            time.sleep(0.2)
        self.check_extension()

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/system_stats", timeout=5) as reply:
                return reply.status == 200
        except (URLError, OSError):
            return False

    def check_extension(self) -> None:
        """The host goes on without an extension that failed; we do not."""
        report = [line for line in self.log.read_text(errors="replace").splitlines() if line.endswith(EXTENSION)]
        if not report or any("IMPORT FAILED" in line for line in report):
            raise HostError(f"ComfyUI could not import {EXTENSION}.\n{self.log_end()}")

    def peak_memory(self) -> int | None:
        """Bytes of main memory that the host has held at most; None where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return None
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(fields["VmHWM"].split()[0])

    def log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"The last lines of {self.log}:", *lines])

    def stop(self) -> None:
        """Ask, then insist. The host ends on an interrupt as it does on Ctrl-C; Windows knows no way to ask."""
        atexit.unregister(self.stop)
        if self._process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM if WINDOWS else signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
            return
        self.process.kill()
        self.process.wait()
