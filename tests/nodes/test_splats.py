"""The nodes of splats in the real host: from painted views to splats, pictures and files, and back."""

import json
import math
import threading
import time

import pytest
import torch

from . import view_sets

VIEWS = {"seed": 1_000_000, "look": "summer", "count": 3, "width": 72, "height": 64}
MAKE = {"every": 2, "degree": 0, "steps": 24, "views_per_step": 1, "rate": 0.2, "seed": 0, "most": 0}
FIT = {name: MAKE[name] for name in ("steps", "views_per_step", "rate", "seed")}
RENDER = {"frames": 0, "background": 0.0}
FIELDS = ("positions", "scales", "rotations", "opacities", "sh")


@pytest.fixture(scope="module")
def painted(host):
    return host.run("CSDDemoViews", **VIEWS)


@pytest.fixture(scope="module")
def made(host, painted):
    """A scene, and the report of its making."""
    return host.run("CSDSplatsFromViews", images=painted[0], views=painted[1], **MAKE)


@pytest.fixture
def make(host, painted):
    def run(**changes):
        inputs = {"images": painted[0], "views": painted[1], **MAKE, **changes}
        return host.run("CSDSplatsFromViews", **inputs)

    return run


def decibels(one, other):
    return -10 * math.log10(float((one - other).square().mean()))


def parts(splat):
    return {name: getattr(splat, name) for name in FIELDS}


def test_a_scene_out_of_views(host, painted, made):
    splat, report = made
    count = splat.positions.shape[1]
    shapes = {name: tuple(part.shape) for name, part in parts(splat).items()}
    last = {"positions": (3,), "scales": (3,), "rotations": (4,), "opacities": (1,), "sh": (1, 3)}
    assert shapes == {name: (1, count, *more) for name, more in last.items()} and splat.counts is None
    assert (splat.scales > 0).all() and splat.opacities.min() > 0 and splat.opacities.max() < 1
    assert torch.allclose(splat.rotations.norm(dim=-1), torch.ones(1, count))
    images, views, alpha = host.run("CSDRenderSplats", splat=splat, views=painted[1], **RENDER)
    found = decibels(images, painted[0])
    assert found > 30 and report == f"{count:,} splats, {found:.2f} dB at 3 views"
    assert alpha.shape == (3, 64, 72) and alpha.min() > 0.7
    far = (views.depth - painted[1].depth).abs() / painted[1].depth
    assert far.median() < 0.02 and views.names == painted[1].names


@pytest.mark.parametrize("change", [{"most": 4000}, {"degree": 2}, {"every": 4}, {"steps": 0}, {"views_per_step": 64}])
def test_every_widget_does_something(make, made, change):
    splat, _ = make(**change)
    same = splat.positions.shape == made[0].positions.shape and torch.equal(splat.positions, made[0].positions)
    assert not same or splat.sh.shape != made[0].sh.shape
    assert splat.positions.shape[1] <= max(change.get("most", 0), made[0].positions.shape[1])


def test_pictures_that_are_enlarged(make, painted):
    larger = torch.nn.functional.interpolate(painted[0].movedim(-1, 1), scale_factor=2).movedim(1, -1)
    assert torch.allclose(make(images=larger)[0].sh, make()[0].sh, atol=1e-4)


WRONG = [
    ({"images": torch.zeros(2, 64, 72, 3)}, "got 2 images for 3 views; connect the images of the same views"),
    ({"images": torch.zeros(3, 64, 64, 3)}, "got images of 64 x 64 pixels, expected 72 x 64 pixels or the same"),
    ({"every": 0}, "every: got 0, expected a number from 1 to 32"),
    ({"most": -1}, "most: got -1, expected"),
]


@pytest.mark.parametrize("change, message", WRONG)
def test_inputs_that_do_not_fit(make, change, message):
    with pytest.raises(ValueError, match=f"CSD Splats from Views: {message}"):
        make(**change)


@pytest.mark.parametrize("key", ["depth_file_path", "k1"])
def test_views_without_depth_or_with_a_bent_lens(host, key):
    folder, data = view_sets.write(host.base / "input" / f"without_{key}"), view_sets.described()
    for frame in data["frames"]:
        frame.pop(key, None)
    (folder / "transforms.json").write_text(json.dumps({**data, **({"k1": 0.1} if key == "k1" else {})}))
    load = {"longest_side": 0, "multiple": 8, "depth_unit": 0.001}
    images, views, _ = host.run("CSDViewSetLoad", folder=folder.name, **load)
    bent = r"got lens distortion \(k1\), expected pinhole"
    message = "views: got none with depth" if key == "depth_file_path" else bent
    with pytest.raises(ValueError, match=f"CSD Splats from Views: {message}"):
        host.run("CSDSplatsFromViews", images=images, views=views, **MAKE)


def test_a_view_set_from_a_folder(host):
    folder = view_sets.write(host.base / "input" / "for_splats")
    load = {"longest_side": 0, "multiple": 8, "depth_unit": 0.001}
    images, views, _ = host.run("CSDViewSetLoad", folder=folder.name, **load)
    splat, _ = host.run("CSDSplatsFromViews", images=images, views=views, **MAKE)
    rendered, again, _ = host.run("CSDRenderSplats", splat=splat, views=views, **RENDER)
    (saved,) = host.run("CSDViewSetSave", images=rendered, views=again, name="rendered_splats")
    read, read_views, _ = host.run("CSDViewSetLoad", folder=saved, **load)
    assert (read - rendered).abs().max() < 1 / 250
    assert torch.allclose(read_views.cameras.camera_to_world.float(), views.cameras.camera_to_world.float(), atol=1e-5)


@pytest.mark.parametrize("what", ["colours", "everything"])
def test_a_fit_to_other_pictures(host, painted, made, what):
    night = host.run("CSDDemoViews", **{**VIEWS, "look": "night"})[0]
    before = {name: part.clone() for name, part in parts(made[0]).items()}
    fit = {**FIT, "steps": 60, "what": what}
    splat, _ = host.run("CSDFitSplats", splat=made[0], images=night, views=painted[1], **fit)
    images, *_ = host.run("CSDRenderSplats", splat=splat, views=painted[1], **RENDER)
    assert decibels(images, night) > decibels(painted[0], night) + 8
    assert torch.equal(splat.positions, made[0].positions) == (what == "colours")
    assert torch.allclose(splat.scales, made[0].scales) == (what == "colours")
    assert all(torch.equal(part, before[name]) for name, part in parts(made[0]).items())


@pytest.mark.parametrize("frames", [1, 5])
def test_a_path_through_the_views(host, painted, made, frames):
    images, views, alpha = host.run("CSDRenderSplats", splat=made[0], views=painted[1], frames=frames, background=0.5)
    assert len(images) == len(alpha) == views.count == frames and views.names[0] == "frame_00001"
    assert torch.allclose(views.cameras.camera_to_world[0], painted[1].cameras.camera_to_world[0], atol=1e-5)
    assert decibels(images[0], painted[0][0]) > 28


class TestFiles:
    def test_saved_and_loaded(self, host, made):
        file = host.run("CSDSaveSplats", splat=made[0], name="a scene")[0]
        again = host.run("CSDSaveSplats", splat=made[0], name="a scene.ply")[0]
        assert (file, again) == ("a scene.ply [output]", "a scene_2.ply [output]")
        for name in (file, again):
            (splat,) = host.run("CSDLoadSplats", file=name)
            for part, loaded in zip(parts(made[0]).values(), parts(splat).values(), strict=True):
                assert torch.allclose(part, loaded, atol=1e-5, rtol=1e-5)
        assert not [path for path in (host.base / "output").iterdir() if path.name.startswith(".")]

    def test_the_host_is_told_where_the_file_is(self, host, made):
        with torch.inference_mode():
            output = host.node("CSDSaveSplats").execute(splat=made[0], name="told")
        assert output.ui == {"3d": [{"filename": "told.ply", "subfolder": "", "type": "output"}]}

    def test_files_are_listed(self, host, made):
        host.run("CSDSaveSplats", splat=made[0], name="listed")
        below = host.base / "input" / "3d" / "scenes"
        below.mkdir(parents=True)
        (host.base / "output" / "listed.ply").rename(below / "BELOW.PLY")
        folders = host.module("host.folders")
        assert "3d/scenes/BELOW.PLY" in folders.files_ending(".ply")
        assert host.run("CSDLoadSplats", file="3d/scenes/BELOW.PLY")[0].positions.shape == made[0].positions.shape

    @pytest.mark.parametrize("name", ["", "a/b", "../a", "a\0b", "CON", "a" * 300])
    def test_names_that_are_none(self, host, made, name):
        with pytest.raises(ValueError, match="CSD Save Splats: got the file name .*expected one name without slashes"):
            host.run("CSDSaveSplats", splat=made[0], name=name)

    @pytest.mark.parametrize("name", ["../a.ply", "/etc/passwd", "nothing.ply", "", 7, "a.ply [output]/.."])
    def test_files_elsewhere(self, host, name):
        with pytest.raises(ValueError, match="CSD Load Splats: .*(got|expected)"):
            host.run("CSDLoadSplats", file=name)

    def test_a_link_out_of_the_folder(self, host, tmp_path):
        (tmp_path / "outside.ply").write_bytes(b"ply\n")
        (host.base / "input" / "link.ply").symlink_to(tmp_path / "outside.ply")
        with pytest.raises(ValueError, match="CSD Load Splats: got 'link.ply', a link to somewhere else"):
            host.run("CSDLoadSplats", file="link.ply")

    def test_a_file_of_no_splats(self, host):
        (host.base / "input" / "none.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 1\nend_header\n")
        with pytest.raises(ValueError, match="CSD Load Splats: none.ply: got a .ply of the format"):
            host.run("CSDLoadSplats", file="none.ply")

    def test_what_changes_is_loaded_anew(self, host, made):
        file = host.run("CSDSaveSplats", splat=made[0], name="changing")[0]
        node = host.node("CSDLoadSplats")
        before = node.fingerprint_inputs(file=file)
        assert before == node.fingerprint_inputs(file=file) and node.validate_inputs(file=file) is True
        path = host.base / "output" / "changing.ply"
        path.write_bytes(path.read_bytes() + b"\n")
        assert node.fingerprint_inputs(file=file) != before
        assert "expected a file that is in" in node.validate_inputs(file="nothing.ply")

    def test_a_disk_that_is_full_leaves_nothing(self, host, made, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(host.module("splats.ply"), "_rows", full)
        with pytest.raises(ValueError, match="CSD Save Splats: got a disk that does not take the file 'full.ply'"):
            host.run("CSDSaveSplats", splat=made[0], name="full")
        assert not [path for path in (host.base / "output").iterdir() if "full" in path.name]


class TestLinks:
    """What may come on a SPLAT link from other nodes."""

    def test_the_class_is_the_hosts_where_it_has_one(self, host, made):
        kind = host.module("host.splats").Kind
        assert isinstance(made[0], kind)
        types = __import__("comfy_api.latest", fromlist=["Types"]).Types
        assert kind is getattr(types, "SPLAT", host.module("host.splats").Splat)

    def test_there_and_back_through_the_hosts_own_nodes(self, host, made):
        """Our splats become a file of the host's, and that file becomes splats that ours take."""
        if "SplatToFile3D" not in host.nodes.NODE_CLASS_MAPPINGS:
            pytest.skip("this ComfyUI has no nodes for splats")
        (file,) = host.run("SplatToFile3D", splat=made[0], format="ply")
        (splat,) = host.run("File3DToSplat", model_3d=file)
        for ours, theirs in zip(parts(made[0]).values(), parts(splat).values(), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)
        assert host.run("CSDSaveSplats", splat=splat, name="through")[0] == "through.ply [output]"

    def changed(self, made, **changes):
        kind = type(made[0])
        return kind(**{**parts(made[0]), **changes})

    def test_the_counts_of_a_padded_batch(self, host, painted, made):
        splat = self.changed(made, counts=torch.tensor([5]))
        fitted, _ = host.run("CSDFitSplats", splat=splat, images=painted[0], views=painted[1], what="colours", **FIT)
        assert fitted.positions.shape == (1, 5, 3)

    def test_several_scenes(self, host, painted, made):
        twice = self.changed(made, **{name: torch.cat([part, part]) for name, part in parts(made[0]).items()})
        with pytest.raises(ValueError, match="CSD Render Splats: splat: got 2 scenes, expected one; choose one"):
            host.run("CSDRenderSplats", splat=twice, views=painted[1], **RENDER)

    @pytest.mark.parametrize("name", FIELDS)
    @pytest.mark.parametrize("change", ["shape", "rank", "kind", "whole", "empty"])
    def test_parts_that_do_not_fit(self, host, painted, made, name, change):
        part = parts(made[0])[name]
        broken = {
            "shape": part[..., :-1],
            "rank": part[0],
            "kind": "a",
            "whole": part.long(),
            "empty": part[:, :0],
        }[change]
        with pytest.raises(ValueError, match="CSD Render Splats: .*splat.*: got .*, expected"):
            host.run("CSDRenderSplats", splat=self.changed(made, **{name: broken}), views=painted[1], **RENDER)

    @pytest.mark.parametrize("splat", [torch.zeros(1, 8, 8, 3), "a", {}, None])
    def test_what_is_no_splat(self, host, painted, splat):
        with pytest.raises(ValueError, match="CSD Render Splats: splat: got .*, expected"):
            host.run("CSDRenderSplats", splat=splat, views=painted[1], **RENDER)

    def test_numbers_that_are_not_finite_are_not_seen(self, host, painted, made):
        """They come from other nodes; one bad splat must not spoil the picture."""
        positions = made[0].positions.clone()
        positions[0, 7] = torch.nan
        splat = self.changed(made, positions=positions)
        images, *_ = host.run("CSDRenderSplats", splat=splat, views=painted[1], **RENDER)
        assert torch.isfinite(images).all() and decibels(images, painted[0]) > 27


def test_what_no_machine_has_the_memory_for(host, painted, made, monkeypatch):
    memory = host.module("host.memory")
    (file,) = host.run("CSDSaveSplats", splat=made[0], name="weighed")
    monkeypatch.setattr(memory, "machine", lambda: memory.Memory(2**16, 2**16))
    images, views = painted
    splat = {"splat": made[0], "views": views}
    runs = {
        "CSDSplatsFromViews": ({"images": images, "views": views, **MAKE}, "raise `every` or take smaller views"),
        "CSDFitSplats": ({**splat, "images": images, "what": "colours", **FIT}, "take .* a scene of fewer splats"),
        "CSDRenderSplats": ({**splat, **RENDER}, "lower `frames` or take smaller views"),
        "CSDLoadSplats": ({"file": file}, "take a file with fewer splats"),
    }
    for node_id, (inputs, turn) in runs.items():
        name = host.node(node_id).GET_SCHEMA().display_name
        with pytest.raises(ValueError, match=f"{name}: got .*, expected at most the 64.0 KiB .*; {turn}"):
            host.run(node_id, **inputs)


def test_a_long_fit_can_be_cancelled(host, painted, comfy):
    management = comfy.model_management
    timer = threading.Timer(0.5, management.interrupt_current_processing)
    timer.start()
    begun = time.perf_counter()
    try:
        with pytest.raises(management.InterruptProcessingException):
            host.run("CSDSplatsFromViews", images=painted[0], views=painted[1], **{**MAKE, "steps": 100_000})
    finally:
        management.interrupt_current_processing(False)
    assert time.perf_counter() - begun < 10
