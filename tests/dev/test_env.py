"""The set-up: found where it is, repeated at no cost, safe to run twice at once, clear where it cannot go on."""

import os
import subprocess
import sys
import time
from types import ModuleType

import pytest

from collaborative_score_distillation.dev.environment import env


def test_repeating_it_is_quick():
    start = time.monotonic()
    subprocess.run([sys.executable, env.ROOT / "dev" / "environment" / "env.py"], check=True, timeout=60)
    assert time.monotonic() - start < 5


def test_links_lead_here():
    for place in (".import/collaborative_score_distillation", f".host/custom_nodes/{env.EXTENSION}"):
        assert (env.ROOT / place).resolve() == env.ROOT
    assert (env.ROOT / ".venv" / "ComfyUI" / "main.py").is_file()


def test_environment_is_named_after_the_requirements(tmp_path, monkeypatch):
    before = env.environment_folder()
    other = tmp_path / "requirements.txt"
    other.write_text(env.REQUIREMENTS[0].read_text() + "\nscikit-learn\n")
    monkeypatch.setattr(env, "REQUIREMENTS", [other, *env.REQUIREMENTS[1:]])
    assert env.environment_folder() != before


@pytest.mark.parametrize("windows, python", [(False, "bin/python"), (True, "Scripts/python.exe")])
def test_an_interrupted_set_up_is_not_ready(tmp_path, monkeypatch, windows, python):
    monkeypatch.setattr(env, "WINDOWS", windows)
    (tmp_path / python).parent.mkdir()
    (tmp_path / python).touch()
    assert not env.is_ready(tmp_path)
    (tmp_path / env.READY).touch()
    assert env.is_ready(tmp_path)


def test_an_old_link_is_replaced(tmp_path):
    place = tmp_path / "deep" / "link"
    for target in (tmp_path / "old", tmp_path / "new"):
        target.mkdir()
        env.link(place, target)
    assert place.readlink() == tmp_path / "new"
    assert [path.name for path in place.parent.iterdir()] == ["link"]


def test_where_links_are_not_replaced_in_place_the_old_one_goes_first(tmp_path, monkeypatch):
    """As on Windows; what becomes of the link is the same."""
    monkeypatch.setattr(env, "WINDOWS", True)
    test_an_old_link_is_replaced(tmp_path)


def test_where_symbolic_links_are_forbidden_a_junction_is_made(tmp_path, monkeypatch):
    """`mklink` stands in for that of Windows and makes what it can here."""
    (tmp_path / "target").mkdir()
    command = tmp_path / "cmd"
    command.write_text('#!/bin/sh\n[ "$1 $2 $3" = "/c mklink /J" ] && exec ln -s "$5" "$4"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(env, "WINDOWS", True)

    def forbidden(place, target, target_is_directory):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(env.Path, "symlink_to", forbidden)
    env.link(tmp_path / "place", tmp_path / "target")
    assert (tmp_path / "place").resolve() == tmp_path / "target"


def test_a_link_that_leads_nowhere_is_replaced(tmp_path):
    (tmp_path / "place").symlink_to(tmp_path / "gone")
    env.link(tmp_path / "place", tmp_path)
    assert (tmp_path / "place").resolve() == tmp_path


def test_a_folder_in_the_way_is_kept_and_named(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(env.SetupError, match="taken is in the way"):
        env.link(tmp_path / "taken", tmp_path)
    assert (tmp_path / "taken").is_dir() and not (tmp_path / "taken").is_symlink()


def test_the_second_set_up_waits_for_the_first(tmp_path):
    lock = tmp_path / "lock"
    code = f"import sys; sys.path.insert(0, {str(env.ROOT / 'dev' / 'environment')!r})\nimport env, pathlib\n"
    code += f"with env.locked(pathlib.Path({str(lock)!r})): print('in', flush=True)"
    with env.locked(lock):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "in\n"


class Msvcrt(ModuleType):
    """What `env` uses of the module that only Windows has: a lock of bytes, refused with a PermissionError."""

    LK_NBLCK = 2
    held: set[int] = set()

    def locking(self, descriptor, mode, length):
        place = os.fstat(descriptor).st_ino
        if mode != self.LK_NBLCK or length != 1 or place in self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(place)


def test_a_lock_of_windows(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt("msvcrt"))
    monkeypatch.setattr(env, "WINDOWS", True)
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert env.taken(first) and not env.taken(second)


@pytest.mark.parametrize("platform, absent", [("win32", "fcntl"), ("darwin", "msvcrt")])
def test_it_is_imported_where_a_module_is_missing(platform, absent):
    """The set-up starts on a Python that lacks the other system's modules and os.geteuid."""
    code = f"import os, sys; sys.modules[{absent!r}] = None; sys.platform = {platform!r}; del os.geteuid\n"
    code += f"sys.path.insert(0, {str(env.ROOT / 'dev' / 'environment')!r}); import env, pathlib\n"
    code += "print(env.program(pathlib.Path('x')).as_posix())"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == ("x/Scripts/python.exe" if platform == "win32" else "x/bin/python")


def test_a_failed_command_is_shown_with_advice():
    with pytest.raises(env.SetupError, match="(?s)Failed: .*-c exit.*Try this"):
        env.run([sys.executable, "-c", "exit(3)"], "Try this.")


def test_too_little_room_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(env, "FREE_GIB", 10**9)
    with pytest.raises(env.SetupError, match="CSD_CACHE"):
        env.check_machine(tmp_path / "env")


def test_no_browser_is_never_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CSD_BROWSER", raising=False)
    with pytest.raises(env.SetupError, match="apt-get install chromium"):
        env.ensure_browser()


def test_a_wrong_browser_is_named(monkeypatch):
    monkeypatch.setenv("CSD_BROWSER", "no-such-browser")
    with pytest.raises(env.SetupError, match="no-such-browser"):
        env.find_browser()


@pytest.fixture
def other_host(tmp_path):
    """The files of a ComfyUI that the set-up reads."""
    folder = tmp_path / "ComfyUI"
    folder.mkdir()
    for name in env.HOST_FILES:
        (folder / name).write_text("")
    return folder


def test_another_host_gets_an_environment_of_its_own(other_host):
    first = env.other_environment_folder(other_host)
    (other_host / "comfyui_version.py").write_text('__version__ = "99.0"')
    assert len({env.environment_folder(), first, env.other_environment_folder(other_host)}) == 3


def test_its_scripts_start_its_own_python_and_the_first_one_keeps_its_own(tmp_path):
    base, other = tmp_path / "base", tmp_path / "other"
    for folder in (base, other):
        (folder / "bin").mkdir(parents=True)
    script = base / "bin" / "pytest"
    script.write_text(f"#!{base}/bin/python\nprint(1)\n")
    env.link_file(str(script), str(other / "bin" / "pytest"))
    env.readdress(other, base)
    assert (other / "bin" / "pytest").read_text() == f"#!{other}/bin/python\nprint(1)\n"
    assert script.read_text() == f"#!{base}/bin/python\nprint(1)\n"


def test_a_folder_without_comfyui_is_refused(tmp_path):
    command = [sys.executable, env.ROOT / "dev" / "environment" / "env.py", "--host", tmp_path]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and "HOST: got" in refused.stderr and "comfyui_version.py" in refused.stderr
