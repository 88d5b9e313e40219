"""The client against the running host: upload, run, fetch, and what it says when the host refuses or fails."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from collaborative_score_distillation.dev.environment.client import RunError

WORKFLOW = {"id": "5bb36a8e-6a7f-4f83-8a05-2c1dca9ce9ee", "nodes": [], "links": []}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)).save(path)
    return path


def entry(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def test_a_picture_goes_in_and_comes_out(client, picture):
    prompt = {
        "1": entry("LoadImage", image=client.upload(picture)),
        "2": entry("SaveImage", images=["1", 0], filename_prefix="client"),
    }
    run = client.run(prompt, WORKFLOW)
    assert run.outcome == "success"
    ((file,),) = run.files.values()
    saved = Image.open(io.BytesIO(client.fetch(file)))
    assert np.array_equal(np.asarray(saved), np.asarray(Image.open(picture)))
    assert json.loads(saved.info["workflow"]) == WORKFLOW
    assert json.loads(saved.info["prompt"])["2"] == prompt["2"]


def test_events_follow_the_run(client):
    prompt = {"a": entry("EmptyImage", width=8, height=8, batch_size=1, color=1), "b": entry("PreviewImage")}
    prompt["b"]["inputs"]["images"] = ["a", 0]
    seen = []
    run = client.run(prompt, watch=seen.append)
    assert seen == run.events
    assert [event.data["node"] for event in run.of("executing")] == ["a", "b", None]


def test_a_refused_prompt_names_node_and_input(client):
    with pytest.raises(RunError, match=r"(?s)SaveImage \(node 1\): .*missing: images"):
        client.run({"1": entry("SaveImage", filename_prefix="x")})


def test_a_failing_node_is_named_and_the_queue_goes_on(client):
    tall, wide = (entry("EmptyLatentImage", width=w, height=h, batch_size=1) for w, h in ((64, 128), (128, 64)))
    concat = entry("LatentConcat", samples1=["1", 0], samples2=["2", 0], dim="x")
    save = entry("SaveLatent", samples=["3", 0], filename_prefix="x")
    with pytest.raises(RunError, match=r"LatentConcat \(node 3\): RuntimeError: "):
        client.run({"1": tall, "2": wide, "3": concat, "4": save})
    assert client.run({"1": tall, "2": tall, "3": concat, "4": save}).outcome == "success"
