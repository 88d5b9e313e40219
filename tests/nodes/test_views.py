"""View sets through the host's nodes: in, coupled, out, and never anything outside or half-written."""

import asyncio
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from collaborative_score_distillation.tests.nodes import view_sets

LOAD = {"longest_side": 512, "multiple": 8, "depth_unit": 0.001}


@pytest.fixture
def scene(host):
    """A set called `scene` in the host's input directory; nothing is left of it, nor of what was saved."""
    import folder_paths

    yield view_sets.write(host.base / "input" / "scene")
    for base in (folder_paths.get_input_directory(), folder_paths.get_output_directory()):
        for path in (host.base / base).glob("*"):
            if path.name.lstrip(".").startswith(("scene", "views", "linked", "new")):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.fixture
def load(host, scene):
    return lambda folder="scene", **changes: host.run("CSDViewSetLoad", folder=folder, **{**LOAD, **changes})


@pytest.fixture
def save(host):
    return lambda images, views, name="": host.run("CSDViewSetSave", images=images, views=views, name=name)[0]


@pytest.fixture
def output(host):
    import folder_paths

    return lambda: sorted(path.name for path in (host.base / folder_paths.get_output_directory()).glob("*"))


def test_loading(host, load):
    images, views, names = load()
    assert images.shape == (4, 64, 64, 3) and views.count == 4
    assert names.split("\n") == list(views.names) == [f"images/frame_{i:02}.png" for i in range(4)]


def test_the_page_lists_folders_with_a_set(host, scene):
    shutil.copytree(scene, scene / "deeper" / "set")
    options = host.node("CSDViewSetLoad").INPUT_TYPES()["required"]["folder"][1]["options"]
    of_this_test = [name for name in options if name.split("/")[0] == "scene"]  # other tests left sets of their own
    assert of_this_test == ["scene", "scene/deeper/set"]


def test_saving(host, load, save, output, scene):
    images, views, _ = load()
    before = {path: path.read_bytes() for path in scene.rglob("*") if path.is_file()}
    assert save(1 - images, views) == "scene_edited [output]" and output().count("scene_edited") == 1
    again, edited, _ = load("scene_edited [output]")
    assert torch.allclose(again, 1 - images, atol=1e-6)
    assert edited.names == views.names and edited.metadata == views.metadata
    assert torch.equal(edited.depth, views.depth) and torch.equal(edited.masks, views.masks)
    assert before == {path: path.read_bytes() for path in scene.rglob("*") if path.is_file()}


def test_nothing_is_overwritten(load, save, output):
    images, views, _ = load()
    names = [save(images, views) for _ in range(3)]
    assert names == ["scene_edited [output]", "scene_edited_2 [output]", "scene_edited_3 [output]"]
    edited = load("scene_edited_2 [output]")
    assert save(edited[0], edited[1]) == "scene_edited_4 [output]"
    assert save(images, views, "new") == "new [output]" and save(images, views, "new") == "new_2 [output]"


def test_an_empty_folder_in_the_way(host, load, save):
    import folder_paths

    taken = host.base / folder_paths.get_output_directory() / "new"
    taken.mkdir(parents=True)
    images, views, _ = load()
    assert save(images, views, "new") == "new_2 [output]" and not list(taken.iterdir())


def test_the_page_shows_what_was_saved(host, load):
    images, views, _ = load()
    with torch.inference_mode():
        result = host.node("CSDViewSetSave").EXECUTE_NORMALIZED(images=images, views=views, name="")
    shown = result.ui["images"]
    assert shown[1] == {"filename": "frame_01.png", "subfolder": "scene_edited/images", "type": "output"}


@pytest.mark.parametrize("name", ["../new", "new/../../x", "/new", "a/b", "..", ".new", "new.", "a\\b", "a:b", "a\0b"])
def test_names_that_lead_elsewhere(load, save, output, name):
    images, views, _ = load()
    before = output()
    with pytest.raises(ValueError, match="CSD View Set Save: got the folder name"):
        save(images, views, name)
    assert output() == before


ELSEWHERE = ["../scene", "scene/../../x", "/etc", "..", "", "C:\\x", "scene\\..\\..", "../input/scene [output]"]


@pytest.mark.parametrize("folder", ELSEWHERE)
def test_folders_elsewhere(host, load, folder):
    with pytest.raises(ValueError, match="CSD View Set Load: got .*expected"):
        load(folder)
    assert "expected" in host.node("CSDViewSetLoad").validate_inputs(folder=folder)


def test_folders_that_are_not_there(host, load):
    with pytest.raises(ValueError, match="got 'none', expected a folder that is in ComfyUI's input directory"):
        load("none")
    with pytest.raises(ValueError, match=r"got 'none \[output\]', expected a folder that is in ComfyUI's output"):
        load("none [output]")


def test_a_folder_that_comes_through_a_link(host, load):
    """While a workflow is checked nothing is known of it; then it is checked like any other name."""
    node = host.node("CSDViewSetLoad")
    assert node.validate_inputs(folder=None) is True and node.fingerprint_inputs(folder=None) is None
    with pytest.raises(ValueError, match="CSD View Set Load: folder: got a int, expected the name of a folder"):
        load(7)


@pytest.mark.parametrize(
    "folder, errors", [("scene", None), ("none", "expected a folder"), ("../scene", "without `..`")]
)
def test_the_host_checks_a_prompt(host, scene, folder, errors):
    """Before anything runs, and by what is on the disk now rather than by the list that the page got."""
    import execution

    prompt = {
        "1": {"class_type": "CSDViewSetLoad", "inputs": {"folder": folder, **LOAD}},
        "2": {"class_type": "CSDViewSetSave", "inputs": {"images": ["1", 0], "views": ["1", 1], "name": ""}},
    }
    with ThreadPoolExecutor(1) as other_thread:  # the browser tests keep an event loop in this one
        checked = other_thread.submit(asyncio.run, execution.validate_prompt("test", prompt, None))
    valid, error, _, found = checked.result()
    assert valid == (errors is None) and (valid or errors in json.dumps(found))


def test_a_linked_folder(host, load, tmp_path):
    view_sets.write(tmp_path / "secret")
    (host.base / "input" / "linked").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="got 'linked', a link to somewhere else"):
        load("linked")
    assert "linked" not in host.node("CSDViewSetLoad").INPUT_TYPES()["required"]["folder"][1]["options"]


def test_the_host_notices_changes(host, load, scene):
    node = host.node("CSDViewSetLoad")
    before = node.fingerprint_inputs(folder="scene", **LOAD)
    assert node.fingerprint_inputs(folder="scene", **LOAD) == before and node.validate_inputs(folder="scene") is True
    Image.fromarray(view_sets.picture(9)).save(scene / "images" / "frame_03.png")
    assert node.fingerprint_inputs(folder="scene", **LOAD) != before


def test_an_interrupted_save_leaves_nothing(host, load, save, output, monkeypatch):
    import comfy.model_management as management

    images, views, _ = load()
    before, files = output(), host.module("media.picture_files")
    written, write = [], files.write_picture

    def cancelled(path, *rest):
        written.append(path)
        if len(written) == 3:
            management.interrupt_current_processing()
        return write(path, *rest)

    monkeypatch.setattr(files, "write_picture", cancelled)
    with pytest.raises(management.InterruptProcessingException):
        save(images, views)
    assert len(written) == 3 and not written[0].exists() and output() == before


def test_a_full_disk_leaves_nothing(host, load, save, output, monkeypatch):
    images, views, _ = load()
    before = output()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(host.module("media.picture_files"), "write_picture", full)
    with pytest.raises(ValueError, match="CSD View Set Save: got a disk that does not take .*no space left.*expected"):
        save(images, views)
    assert output() == before


WRONG = [
    (lambda images: images[:3], "got 3 images for 4 views"),
    (lambda images: images[:0], "images: got a tensor of shape .*expected an IMAGE of at least one picture"),
    (lambda images: images[:, :56], "got images of 64 x 56 pixels, expected 64 x 64 pixels or the same enlarged"),
    (lambda images: images * torch.nan, "images: got NaN or infinite numbers"),
]


@pytest.mark.parametrize("change, message", WRONG)
def test_images_of_other_views(load, save, output, change, message):
    images, views, _ = load()
    before = output()
    with pytest.raises(ValueError, match=f"CSD View Set Save: {message}"):
        save(change(images), views)
    assert output() == before


def test_what_goes_in_does_not_change(host, load, save):
    images, views, _ = load()
    kept, metadata = images.clone(), views.metadata.model_dump_json()
    save(images, views)
    host.run("CSDViewCorrespondence", views=views, neighbours=0)
    assert torch.equal(images, kept) and views.metadata.model_dump_json() == metadata


@pytest.fixture
def correspondence(host, load):
    return lambda neighbours=0: host.run("CSDViewCorrespondence", views=load()[1], neighbours=neighbours)[0]


@pytest.mark.parametrize("cells", [64, 8])
def test_views_of_a_wall_correspond(host, correspondence, cells):
    """View i + 1 stands a quarter to the right, so the wall is 8 pixels, or one cell, further left in it."""
    found = correspondence()
    place, valid = found.look(torch.tensor([[0, 1], [3, 1]]), (cells, cells))
    step, below = cells // 8, slice(cells // 2, None)  # masks hide what is above
    at = torch.arange(cells, dtype=torch.float32)
    assert torch.allclose(place[0, below, :, 0], (at - step).expand(cells // 2, -1), atol=1e-3)
    assert torch.allclose(place[1, below, :, 0], (at + 2 * step).expand(cells // 2, -1), atol=1e-3)
    assert torch.allclose(place[:, below, :, 1], at[below, None].expand(2, -1, cells), atol=1e-3)
    assert (valid[0, below, step:] == 1).all() and (valid[0, below, :step] == 0).all()
    assert (valid[1, below, : -2 * step] == 1).all() and (valid[1, below, -2 * step :] == 0).all()


def test_masks_hide(correspondence):
    _, valid = correspondence().look(torch.tensor([[0, 1]]), (8, 8))
    assert (valid[:, :4] == 0).all() and (valid[:, 4:, 1:] == 1).all()


def test_a_picture_of_the_wall_is_carried_over(host, load, scene):
    """Pictures painted from the cameras: pulling view 2 over to view 0 gives what view 0 shows."""
    rays = (np.arange(64) + 0.5 - 32) / 64 * view_sets.WALL
    for i in range(4):
        picture = view_sets.wall(i * view_sets.STEP + rays[None, :].repeat(64, 0), -rays[:, None].repeat(64, 1))
        view_sets.save(scene / "images" / f"frame_{i:02}.png", picture)
    images, views, _ = load()
    found = host.run("CSDViewCorrespondence", views=views, neighbours=0)[0]
    sight = found.look(torch.tensor([[0, 2]]), (64, 64))
    pulled = host.module("csd.correspondence").pull(images[2:3].movedim(-1, 1), sight)[0].movedim(0, -1)
    seen = sight.valid[0] > 0.99
    assert seen.sum() > 1000 and (pulled - images[0])[seen].abs().max() < 2 / 255


def test_neighbours(correspondence):
    assert [len(correspondence(k).partners(1)) for k in (0, 1, 2, 9)] == [3, 1, 2, 3]
    assert set(correspondence(2).partners(1)) == {0, 2}


def test_correspondence_needs_depth(host, scene):
    data = view_sets.described()
    for frame in data["frames"]:
        del frame["depth_file_path"]
    (scene / "transforms.json").write_text(json.dumps(data))
    _, views, _ = host.run("CSDViewSetLoad", folder="scene", **LOAD)
    with pytest.raises(ValueError, match="CSD View Correspondence: got views without depth, .* add a depth_file_path"):
        host.run("CSDViewCorrespondence", views=views, neighbours=2)


def test_correspondence_needs_pinhole_cameras(host, load, save, scene):
    (scene / "transforms.json").write_text(json.dumps({**view_sets.described(), "k1": 0.1}))
    images, views, _ = load()
    with pytest.raises(ValueError, match=r"CSD View Correspondence: got lens distortion \(k1\), expected pinhole"):
        host.run("CSDViewCorrespondence", views=views, neighbours=2)
    assert save(images, views) == "scene_edited [output]"


ORDER = [2, 0, 3, 1]


KERNEL = {"kernel": "rbf", "bandwidth": "median", "fixed_bandwidth": 1.0, "normalization": "row", "repulsion": 0.5}


@pytest.fixture
def edit_in(host, case, scene, edit, model):
    """The four views edited in a given order, coupled where they correspond."""

    def run(order, field="independent", neighbours=2, **options):
        data = view_sets.described()
        data["frames"] = [data["frames"][i] for i in order]
        (scene / "transforms.json").write_text(json.dumps(data))
        _, views, _ = host.run("CSDViewSetLoad", folder="scene", **LOAD)
        found = host.run("CSDViewCorrespondence", views=views, neighbours=neighbours)[0]
        coupling = host.run("CSDKernel", **KERNEL, correspondence=found)[0]
        noise = host.run("CSDNoiseField", field=field, correspondence=found)[0]
        prompts = {
            name: [[text, {key: value[order] for key, value in rest.items()}] for text, rest in conditioning]
            for name, conditioning in (("positive", case.positive), ("negative", case.negative))
        }
        wires = {"latent": {"samples": case.latents[order]}, "layout": None, "coupling": coupling, "noise": noise}
        return edit(model, **prompts, **{**wires, **options})

    return run


@pytest.mark.parametrize("neighbours", [0, 1, 2])
@pytest.mark.parametrize("per_step", [0, 2])
@pytest.mark.parametrize("field", ["independent", "carried"])
def test_views_in_another_order(edit_in, far, field, neighbours, per_step):
    """A permuted set gives the permuted result: draws hang on the names of the views."""
    options = {"field": field, "neighbours": neighbours, "particles_per_step": per_step}
    straight = edit_in([0, 1, 2, 3], **options)
    assert far(edit_in(ORDER, **options), straight[ORDER]) < 1e-4
    assert far(straight, straight[ORDER]) > 1e-2


def test_without_names_the_order_counts(edit_in, far, uncoupled):
    """Nothing that knows the views is wired in, so draws belong to positions."""
    straight, other = (edit_in(order, coupling=uncoupled) for order in ([0, 1, 2, 3], ORDER))
    assert far(other, straight[ORDER]) > 1e-2
