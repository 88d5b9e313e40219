"""Prompts run to their end by the host's own executor, as the page's Run button does."""

import importlib
from concurrent.futures import ThreadPoolExecutor


class Messages:
    """The part of the host's server that its executor talks to."""

    def __init__(self):
        self.client_id, self.last_node_id, self.last_prompt_id, self.sent = "test", None, None, []

    def send_sync(self, event, data, sid=None):
        self.sent.append((event, data))

    @property
    def errors(self) -> list[dict]:
        return [data for event, data in self.sent if event == "execution_error"]


def loader_of(kinds: tuple[str, ...], made: dict) -> type:
    """A node of the host that gives what was made, in the place of a loader."""
    body = {"RETURN_TYPES": kinds, "FUNCTION": "load", "CATEGORY": "test"}
    body["INPUT_TYPES"] = classmethod(lambda cls: {"required": {}})
    body["load"] = lambda self: tuple(made[kind] for kind in kinds)
    return type("Tiny", (), body)


def catcher(caught: dict) -> type:
    """An output node of the host that keeps the pictures it gets, under their names."""

    def keep(self, name, images):
        caught[name] = images
        return ()

    asked = {"required": {"name": ("STRING", {}), "images": ("IMAGE", {})}}
    body = {"RETURN_TYPES": (), "FUNCTION": "keep", "CATEGORY": "test", "OUTPUT_NODE": True, "keep": keep}
    return type("Catcher", (), {**body, "INPUT_TYPES": classmethod(lambda cls: asked)})


def executed(prompt: dict, ends: list[str]) -> Messages:
    """Runs an API prompt up to the nodes `ends`."""
    execution = importlib.import_module("execution")
    messages = Messages()
    executor = execution.PromptExecutor(messages, cache_args={"lru": 0, "ram": 0, "ram_inactive": 0})
    with ThreadPoolExecutor(1) as thread:  # as in the host; the browser tests leave an event loop in this one
        thread.submit(executor.execute, prompt, "test", {"client_id": messages.client_id}, ends).result()
    return messages
