"""What no machine has the memory for is refused before it is made, in words that say what to turn."""

import time

import pytest
import torch

GIB = 2**30


@pytest.fixture(scope="module")
def memory(host):
    return host.module("host.memory")


@pytest.fixture
def small(memory, monkeypatch):
    """A machine of two gigabytes, one of them free."""
    monkeypatch.setattr(memory, "machine", lambda: memory.Memory(GIB, 2 * GIB))


DEMO = {"seed": 1, "look": "summer"}
CLIP = {**DEMO, "frames": 1000, "width": 2048, "height": 1024, "rate": 12.0, "neighbours": 2, "anchors": 2}
FLOW = {"neighbours": 1000, "anchors": 1000, "accuracy": "fast", "tolerance": 0.05}
SPLIT = {"wrap": "none", "multiple": 1}
VIDEO = {
    "rate": 24.0,
    "start": 0,
    "stride": 1,
    "count": 0,
    "size": "source",
    "side": 512,
    "edge": "pad",
    "multiple": 64,
}


def picture(side):
    """[1, side, side, 3] that takes no memory."""
    return torch.zeros(1, 1, 1, 3).expand(1, side, side, 3)


LARGEST = {
    "a clip": ("CSDDemoClip", CLIP, "1000 frames of 2048 x 1024 pixels with the motion of .*lower `frames`"),
    "views": (
        "CSDDemoViews",
        {**DEMO, "count": 360, "width": 1024, "height": 1024},
        "360 views of 1024.*lower `count`",
    ),
    "a scene": (
        "CSDDemoScene",
        {**DEMO, "width": 8192, "height": 2048},
        "a scene of 8192 x 2048 pixels.*lower `width`",
    ),
    "flow": (
        "CSDOpticalFlow",
        {"frames": torch.zeros(1, 256, 256, 3).expand(500, 256, 256, 3), **FLOW},
        "249,500 pairs",
    ),
    "windows": (
        "CSDParticleSplit",
        {"whole": picture(1024), "window_width": 512, "window_height": 512, "overlap": 504, **SPLIT},
        "4,225 windows of 512 x 512 pixels, which take 12.4 GiB .*lower `overlap`",
    ),
    "frames": (
        "CSDVideoFrameBatch",
        {"video": picture(4096).expand(40, -1, -1, -1), **VIDEO},
        "40 frames of 4096 x 4096",
    ),
}


@pytest.mark.parametrize("case", LARGEST)
def test_the_largest_settings_on_a_small_machine(host, small, case):
    node_id, inputs, message = LARGEST[case]
    begun = time.process_time()
    with pytest.raises(
        ValueError, match=f"^{host.node(node_id).GET_SCHEMA().display_name}: got .*{message}"
    ) as refused:
        host.run(node_id, **inputs)
    assert "expected at most the 2.0 GiB" in str(refused.value)
    assert time.process_time() - begun < 8


MANY = {
    "16 million windows": ({"window_width": 8, "window_height": 8, "overlap": 7}, 4096, "16,719,921 windows of 8 x 8"),
    "windows of terabytes": ({"window_width": 512, "window_height": 512, "overlap": 511}, 2048, "2,362,369 windows"),
}


@pytest.mark.parametrize("case", MANY)
def test_too_many_windows(host, case):
    windows, side, message = MANY[case]
    begun = time.process_time()
    with pytest.raises(
        ValueError, match=f"CSD Particle Split: got .*{message}.*expected at most 65,536; lower `overlap`"
    ):
        host.run("CSDParticleSplit", whole=picture(side), **windows, **SPLIT)
    assert time.process_time() - begun < 8


@pytest.mark.parametrize("node_id", ["CSDOpticalFlow", "CSDDemoClip"])
def test_too_many_pairs(host, node_id):
    frames = {"frames": torch.zeros(1, 16, 16, 3).expand(1000, 16, 16, 3), **FLOW}
    inputs = {"CSDOpticalFlow": frames, "CSDDemoClip": {**CLIP, "neighbours": 1000, "anchors": 1000}}[node_id]
    with pytest.raises(
        ValueError, match="got 1000 frames .* make about 999,000 pairs, expected at most 262,144; lower"
    ):
        host.run(node_id, **inputs)


def test_between_free_and_all_there_is_a_warning(host, small, caplog):
    afford = host.module("host.budget").afford
    afford(GIB // 2, "a little", "turn")
    assert not caplog.text
    afford(GIB + GIB // 2, "a lot", "turn")
    assert "a lot take 1.5 GiB of memory, and 1.0 GiB are free; turn if this fails." in caplog.text


def test_good_settings_are_not_refused(host, small):
    for node_id, inputs in (("CSDDemoScene", {**DEMO, "width": 512, "height": 128}),):
        host.run(node_id, **inputs)


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_the_memory_of_this_machine(memory):
    found = memory.machine()
    assert 0 < found.free <= found.total and found.total > 2**28


@pytest.fixture
def limited(tmp_path, memory):
    """`limited(lines)`: the memory of a process in the groups that those lines of /proc/self/cgroup name."""

    def look(lines):
        (tmp_path / "cgroup").write_text(lines)
        return memory.machine(tmp_path / "cgroup", tmp_path / "groups")

    return look


def test_a_control_group_of_version_two(tmp_path, limited):
    stat = "anon 1\ninactive_file 104857600\nslab 7"
    used = {"memory__current": 2**29, "memory__stat": stat}
    group(tmp_path / "groups/a/b", memory__max=GIB, memory__swap__max=0, **used)
    group(tmp_path / "groups/a", memory__max="max")
    found = limited("0::/a/b\n")
    assert found.total == GIB and found.free == GIB - 2**29 + 104857600


def test_a_parent_group_may_be_tighter(tmp_path, limited):
    group(tmp_path / "groups/a/b", memory__max=GIB, memory__swap__max=0, memory__current=0)
    group(tmp_path / "groups/a", memory__max=GIB // 4, memory__swap__max=0, memory__current=0)
    assert limited("0::/a/b\n").total == GIB // 4


def test_a_control_group_of_version_one(tmp_path, limited):
    limits = {"memory__limit_in_bytes": GIB, "memory__memsw__limit_in_bytes": GIB, "memory__usage_in_bytes": GIB // 2}
    group(tmp_path / "groups/memory/x", **limits)
    found = limited("9:cpu:/x\n4:memory:/x\n0::/\n")
    assert (found.total, found.free) == (GIB, GIB // 2)


def test_groups_without_limits(tmp_path, limited, memory):
    group(tmp_path / "groups/memory/x", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=1)
    group(tmp_path / "groups", memory__max="max")
    assert limited("4:memory:/x\n0::/\n").total == memory.machine(tmp_path / "none").total


def test_a_container_that_does_not_see_its_own_path(tmp_path, limited):
    group(tmp_path / "groups", memory__max=GIB, memory__swap__max=0, memory__current=0)
    assert limited("0::/docker/0123456789abcdef\n").total == GIB
