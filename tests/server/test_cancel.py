"""A run can be cancelled from outside at any step, and the host goes on with the next."""

import pytest

from collaborative_score_distillation.dev.environment.workflow import (
    load_workflow,
    set_widgets,
    to_prompt,
    widget_names,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cancelled(client, workflows, object_info):
    """The shipped workflow, interrupted at its second preview."""
    workflow = with_another_seed(load_workflow(workflows / "panorama_edit.json"), object_info)
    previews = []

    def watch(event):
        previews.extend([event] if event.type == "preview" else [])
        if len(previews) == 2:
            client.interrupt()
            previews.append(None)

    return client.run(to_prompt(workflow, object_info), workflow, watch)


def with_another_seed(workflow, object_info):
    """So that nothing comes from the host's cache, whatever ran before."""
    seeded = [n for n in workflow["nodes"] if "seed" in widget_names(object_info.get(n["type"], {"input": {}}))]
    return set_widgets(workflow, {n.get("title") or n["type"]: {"seed": 20230710} for n in seeded}, object_info)


def test_it_stops(cancelled):
    assert len(cancelled.of("execution_interrupted")) == 1
    assert cancelled.of("execution_success", "execution_error") == []


def test_it_stops_at_once(cancelled):
    """What a model call in flight still says is all that comes after."""
    steps = [event.data for event in cancelled.of("progress") if event.data["max"] > 1]
    assert steps[-1]["value"] < steps[-1]["max"]
    assert len(cancelled.of("preview")) <= 4


def test_the_queue_goes_on(cancelled, client):
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    assert client.run(prompt).outcome == "success"
