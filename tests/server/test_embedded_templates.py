"""The templates with the embedded model, made small, run to their end by the real server."""

import re
from collections import defaultdict
from functools import partial

import numpy as np
import pytest

from collaborative_score_distillation.dev.environment.client import Event
from collaborative_score_distillation.dev.environment.workflow import load_workflow, to_prompt
from collaborative_score_distillation.dev.templates.embedded import TEMPLATES
from collaborative_score_distillation.dev.templates.shown import shown

pytestmark = pytest.mark.slow
LENGTHS = ("width", "height", "window_width", "window_height", "overlap", "x", "left", "right")
WHOLE = ("picture_set", "text_to_set")  # small as they are, and measured
SIZES = {"large_picture": (512, 256), "picture_set": (256, 256)}
SIZES |= dict.fromkeys(("video_edit", "long_clip", "view_set_edit"), (96, 64))
SIZES |= dict.fromkeys(("scene_edit", "scene_edit_ply"), (96, 64))
COUNTS = {"video_edit": 8, "long_clip": 8, "view_set_edit": 4, "picture_set": 3, "scene_edit": 3, "scene_edit_ply": 3}
FROM_TEXT = {"text_to_panorama": (1, (384, 64)), "text_to_set": (6, (96, 96))}
FEW = {"CSDDemoClip": ("frames", 8), "CSDDemoViews": ("count", 4), "CSDViewsFromCamera": ("count", 4)}


def shrunk(prompt: dict) -> dict:
    """Two steps, all lengths halved, and a few frames or views."""
    for node in prompt.values():
        inputs = node["inputs"]
        inputs |= {name: inputs[name] // 2 for name in LENGTHS if isinstance(inputs.get(name), int)}
        if node["class_type"] in FEW:
            name, count = FEW[node["class_type"]]
            inputs[name] = count
        if node["class_type"] == "CSDRenderSplats" and inputs["frames"]:
            inputs["frames"] = 3
        if node["class_type"] == "CSDEditSplats":
            inputs |= {"rounds": 2, "fit_steps": 8}
        if node["class_type"] in ("CSDEditSampler", "CSDSampler", "CSDEditSplats"):
            inputs["steps"] = 2
    return prompt


@pytest.fixture(scope="module")
def told():
    """What nodes say on the page while they run, by template; each with the id of its node in front."""
    return defaultdict(list)


@pytest.fixture(scope="module")
def pictures(client, object_info, workflows, told):
    """The pictures that a template made small shows or saves, by the titles of their nodes."""
    kept = {}

    def watch(name: str, event: Event) -> None:
        if event.type == "binary":
            told[name].append(event.data.decode())

    def run(name: str) -> dict[str, list]:
        if name not in kept:
            prompt = to_prompt(load_workflow(workflows / f"{name}.json"), object_info)
            kept[name] = shown(client, prompt if name in WHOLE else shrunk(prompt), lambda _: partial(watch, name))
        return kept[name]

    return run


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in (*FROM_TEXT, "text_to_3d")])
def test_it_saves_an_edit_of_the_whole_set(pictures, name):
    found = pictures(name)
    before, after = found["Before"], found["After"]
    assert len(before) == len(after) == COUNTS.get(name, 1)
    assert {one.size for one in before + after} == {SIZES.get(name, (512, 128))}
    assert all(np.abs(np.subtract(*map(np.float32, pair))).mean() > 2 for pair in zip(before, after, strict=True))


def test_the_page_says_which_round_it_is_and_where_the_scene_is(pictures, told):
    pictures("scene_edit")
    rounds = [text for text in told["scene_edit"] if "Round" in text]
    assert len(rounds) == 2 and rounds[-1].endswith("Round 2 of 2: the splats follow the views.")
    assert any(re.search(r"\d splats in output/scene_edit(_\d+)?\.ply$", text) for text in told["scene_edit"])


@pytest.mark.parametrize("name", ["panorama_part", "inpaint_panorama"])
def test_outside_of_the_mask_nothing_changes(pictures, name):
    found, outside = pictures(name), (0, 0, 96, 128)
    before, after = (found[title][0].crop(outside).tobytes() for title in ("Before", "After"))
    assert before == after


@pytest.mark.parametrize("name", ["panorama_part", "inpaint_panorama", "panorama_regions"])
def test_no_edge_of_a_mask_shows(pictures, name):
    """From column to column the change of colour is small: no more than twice that of an edit without a mask."""
    assert steepest(pictures(name)) < 2 * steepest(pictures("panorama_edit"))


def steepest(found: dict[str, list]) -> float:
    """The largest step of the change that the edit makes, averaged over each column, from a column to the next."""
    before, after = (np.float32(found[title][0]) for title in ("Before", "After"))
    return float(np.abs(np.diff((after - before).mean(axis=0), axis=0)).max())


@pytest.mark.parametrize("name", FROM_TEXT)
def test_it_saves_pictures_from_text(pictures, name):
    after, (count, size) = pictures(name)["After"], FROM_TEXT[name]
    assert len(after) == count and {one.size for one in after} == {size}
    assert all(np.float32(one).std() > 10 for one in after)


def test_one_series_changes_alike(pictures):
    """What has one colour in the sources gets one colour in the series, more than in pictures edited by themselves."""
    found = pictures("picture_set")
    sources = [colours(one) for one in found["Before"]]
    series, alone = (apart(sources, [colours(one) for one in found[title]]) for title in ("After", "Each by itself"))
    assert series < 0.92 * alone


def colours(picture) -> np.ndarray:
    """[n, 3] in 0 ... 1, of a picture seen small."""
    return np.float32(picture.resize((64, 64))).reshape(-1, 3) / 255


def apart(sources: list, edits: list) -> float:
    """How much worse one map of colours for all pictures is than a map for each (quadratic, least squares)."""
    terms = [np.stack([np.ones(len(x)), *x.T, *(x**2).T, *(x * np.roll(x, 1, axis=1)).T], axis=1) for x in sources]
    own = sum(left(x, y) for x, y in zip(terms, edits, strict=True))
    return (left(np.concatenate(terms), np.concatenate(edits)) - own) ** 0.5


def left(terms: np.ndarray, edit: np.ndarray) -> float:
    """The squared error of the best linear map."""
    return float(np.square(terms @ np.linalg.lstsq(terms, edit, rcond=None)[0] - edit).sum())


def test_a_set_from_text_has_one_ground(pictures):
    found = pictures("text_to_set")
    assert spread(found["After"]) < 0.6 * spread(found["Each by itself"])


def spread(pictures: list) -> float:
    """How much the mean colours of the top eight rows differ."""
    return float(np.std([np.float32(one)[:8].mean(axis=(0, 1)) for one in pictures], axis=0).mean())
