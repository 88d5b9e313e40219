"""The host's HTTP and websocket interface: upload, queue, follow, fetch, interrupt."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm
from websocket import WebSocketTimeoutException, create_connection

PREVIEW_EVENT = 1
PREVIEW_SUFFIXES = {1: ".jpg", 2: ".png"}


class RunError(RuntimeError):
    """The host refused a prompt or failed while running it; the message names node and cause."""


@dataclass(frozen=True)
class Event:
    """One message about the run: the host's own `type`, and its `data`, a dictionary; a preview's is the picture."""

    type: str
    data: Any


@dataclass
class Run:
    """What came of a prompt: the host's history entry and every event on the way."""

    prompt_id: str
    events: list[Event] = field(default_factory=list)
    history: dict = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return self.history["status"]["status_str"]

    @property
    def files(self) -> dict[str, list[dict]]:
        """Saved files by node id, each as the host names it: filename, subfolder, type."""
        return {node: output["images"] for node, output in self.history["outputs"].items() if "images" in output}

    def of(self, *types: str) -> list[Event]:
        return [event for event in self.events if event.type in types]


class Client:
    """Talks to the host at `address` (host:port) under a client id of its own."""

    def __init__(self, address: str, timeout: float = 600.0):
        self.address = address
        self.timeout = timeout
        self.id = uuid.uuid4().hex
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, **parameters) -> requests.Response:
        reply = self.session.get(f"http://{self.address}{path}", params=parameters, timeout=self.timeout)
        reply.raise_for_status()
        return reply

    def post(self, path: str, **options) -> requests.Response:
        return self.session.post(f"http://{self.address}{path}", timeout=self.timeout, **options)

    def object_info(self) -> dict:
        return self.get("/object_info").json()

    def upload(self, picture: Path, name: str | None = None) -> str:
        """Put a picture into the host's input folder; returns the name that LoadImage takes."""
        with Path(picture).open("rb") as file:
            reply = self.post("/upload/image", files={"image": (name or Path(picture).name, file)},
                              data={"overwrite": "true"})
        reply.raise_for_status()
        return reply.json()["name"]

    def queue(self, prompt: dict, workflow: dict | None = None) -> str:
        """Queue an API prompt, with the UI workflow that saved pictures carry; returns the prompt's id."""
        extra = {"extra_pnginfo": {"workflow": workflow}} if workflow else {}
        reply = self.post("/prompt", json={"prompt": prompt, "client_id": self.id, "extra_data": extra})
        if not reply.ok:
            raise RunError(refusal(reply))
        return reply.json()["prompt_id"]

    def interrupt(self) -> None:
        self.post("/interrupt").raise_for_status()

    def history(self, prompt_id: str) -> dict:
        return self.get(f"/history/{prompt_id}").json()[prompt_id]

    def fetch(self, file: dict) -> bytes:
        """The bytes of a saved file, named as the history names it."""
        return self.get("/view", **{key: file[key] for key in ("filename", "subfolder", "type")}).content

    def run(
        self, prompt: dict, workflow: dict | None = None, watch: Callable[[Event], None] = lambda event: None
    ) -> Run:
        """Queue a prompt and follow it to its end, calling `watch` at every event.

        Raises:
            RunError: where the host refuses the prompt or a node fails. An interrupted run is returned.
        """
        with closing(create_connection(f"ws://{self.address}/ws?clientId={self.id}", timeout=self.timeout)) as socket:
            run = Run(self.queue(prompt, workflow))
            for event in events(socket, run.prompt_id):
                run.events.append(event)
                watch(event)
        run.history = self.history(run.prompt_id)
        for error in run.of("execution_error"):
            raise RunError(failure(error.data))
        return run


def events(socket, prompt_id: str) -> Iterator[Event]:
    """The events of one prompt, up to the one by which the host says that its history is written."""
    while True:
        try:
            message = socket.recv()
        except WebSocketTimeoutException as error:
            silence = f"The host said nothing for {socket.gettimeout():.0f} s while running {prompt_id}."
            raise RunError(silence) from error
        event = parse(message)
        if isinstance(event.data, bytes) or event.data.get("prompt_id") == prompt_id:
            yield event
        if is_last(event, prompt_id):
            return


def is_last(event: Event, prompt_id: str) -> bool:
    return event.type == "executing" and event.data["node"] is None and event.data.get("prompt_id") == prompt_id


def parse(message: str | bytes) -> Event:
    """A text message is JSON; a binary one is two big-endian words (event, format) and a picture."""
    if isinstance(message, str):
        content = json.loads(message)
        return Event(content["type"], content.get("data") or {})
    kind, form = struct.unpack_from(">II", message)
    return Event("preview" if kind == PREVIEW_EVENT and form in PREVIEW_SUFFIXES else "binary", message[8:])


def refusal(reply: requests.Response) -> str:
    """Why the host did not take a prompt, one line a node."""
    try:
        answer = reply.json()
    except requests.JSONDecodeError:
        return f"The host answered {reply.status_code}: {reply.text[:500]}"
    lines = [answer.get("error", {}).get("message", "The host refused the prompt.")]
    for node, report in (answer.get("node_errors") or {}).items():
        causes = "; ".join(f"{error['message']}: {error['details']}" for error in report["errors"])
        lines.append(f"{report['class_type']} (node {node}): {causes}")
    return "\n".join(lines)


def failure(data: dict) -> str:
    """What failed where: the node, then the exception as the page shows it."""
    cause = f"{data['exception_type']}: {data['exception_message'].strip()}"
    return f"{data['node_type']} (node {data['node_id']}): {cause}"


def quiet(prompt: dict) -> Callable[[Event], None]:
    """In the place of a `ProgressBar`, for runs that show nothing."""
    return lambda event: None


class ProgressBar:
    """Shows a run in the terminal: one bar a node that reports steps, under the node's title."""

    def __init__(self, prompt: dict):
        self.titles = {node: entry.get("_meta", {}).get("title", entry["class_type"]) for node, entry in prompt.items()}
        self.node = None
        self.bar: tqdm | None = None

    def __call__(self, event: Event) -> None:
        if event.type == "progress":
            self.advance(event.data)
        elif event.type == "executing":
            self.close()

    def advance(self, data: dict) -> None:
        if self.bar is None or data["node"] != self.node:
            self.close()
            self.node = data["node"]
            self.bar = tqdm(total=data["max"], desc=self.titles.get(self.node, self.node), unit="step")
        self.bar.total = data["max"]
        self.bar.update(data["value"] - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = self.node = None
