"""The real page in a headless Chromium that can reach nothing but this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, sync_playwright

from collaborative_score_distillation.dev.environment.env import BROWSER_ADVICE, EXTENSION, find_browser
from collaborative_score_distillation.dev.environment.server import Host

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1600, "height": 1000}
BARS = (60, 120)
RUN = ":is(button[data-testid='queue-button'], [data-testid='queue-button'] button)"  # itself, or what it lies in
KNOWN_USER = "Comfy.TutorialCompleted"
CARDS, MOST_SCROLLS = "[data-testid^='template-workflow-']", 30
LOADED = "name => window.app?.graph?.nodes?.length > 0 && document.title.includes(name)"
RECORD = """() => {
    window.seen = {};
    for (const type of ["execution_start", "progress", "progress_state", "b_preview", "b_preview_with_metadata",
                        "executed", "execution_success", "execution_error", "execution_interrupted", "progress_text"])
        window.app.api.addEventListener(type, event => (window.seen[type] ??= []).push(
            event.detail instanceof Blob || event.detail?.blob ? "picture" : event.detail));
}"""


class Frontend:
    """The page of one host: what a person can do with it and see on it."""

    def __init__(self, page: Page, server: Host):
        self.page = page
        self.server = server

    def open_template(self, name: str) -> None:
        """Open a workflow of the extension by the address that the Templates browser shares."""
        self.page.goto(f"{self.server.url}/?template={name}&source={EXTENSION}")
        self.page.wait_for_function(LOADED, arg=name)
        self.settle()

    def open_empty(self) -> None:
        """The page as it starts for a user that the host knows: it greets new ones with the Templates browser."""
        self.page.request.post(f"{self.server.url}/settings/{KNOWN_USER}", data="true")
        self.page.goto(self.server.url)
        self.page.locator(".templates-tab-button").wait_for()
        self.settle()

    def open_templates_browser(self) -> None:
        self.open_empty()
        self.page.locator(".templates-tab-button").click()
        self.page.get_by_text(EXTENSION, exact=True).click()

    def card(self, name: str) -> Locator:
        """The card of a template. The page adds cards as one scrolls down."""
        card, shown = self.page.get_by_test_id(f"template-workflow-{name}"), self.page.locator(CARDS)
        for _ in range(MOST_SCROLLS):
            if card.count():
                break
            shown.last.scroll_into_view_if_needed()
            self.page.wait_for_timeout(500)
        card.scroll_into_view_if_needed()
        return card

    def settle(self) -> None:
        """The page checks models and shows its dialogs a moment after the graph is there."""
        self.page.wait_for_timeout(2500)

    def graph(self) -> dict:
        """The graph as the page would save it."""
        return self.page.evaluate("() => app.graph.serialize()")

    def prompt(self) -> dict:
        """The page's own conversion of the graph to an API prompt, without what newer pages add to `_meta`."""
        prompt = self.page.evaluate("async () => (await app.graphToPrompt()).output")
        return {id: {**node, "_meta": {"title": node["_meta"]["title"]}} for id, node in prompt.items()}

    def unregistered(self) -> list[str]:
        return self.page.evaluate(
            "() => app.graph.nodes.filter(n => !(n.type in LiteGraph.registered_node_types)).map(n => n.type)"
        )

    def misfits(self) -> list[str]:
        """Links whose ends are missing or of types that do not go together."""
        return self.page.evaluate(
            """() => [...app.graph.links.values()].filter(link => {
                const output = app.graph.getNodeById(link.origin_id)?.outputs[link.origin_slot];
                const input = app.graph.getNodeById(link.target_id)?.inputs[link.target_slot];
                return !output || !input || !LiteGraph.isValidConnection(output.type, input.type);
            }).map(link => `${link.id}: ${link.origin_id} -> ${link.target_id}`)"""
        )

    def outside_view(self) -> list[str]:
        """Nodes that lie, in part, under the bars at the top and the left or beyond the window."""
        left, top = BARS
        return self.page.evaluate(
            """([left, top, width, height]) => app.graph.nodes.filter(node => {
                const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.boundingRect[0], node.boundingRect[1]]);
                const [w, h] = [node.boundingRect[2], node.boundingRect[3]].map(side => side * app.canvas.ds.scale);
                return x < left || y < top || x + w > width || y + h > height;
            }).map(node => node.title)""",
            [left, top, VIEWPORT["width"], VIEWPORT["height"]],
        )

    def dialogs(self) -> list[str]:
        return self.page.locator(".p-dialog").all_inner_texts()

    def offers(self) -> list[str]:
        """The offers to download missing models: a dialog, or on newer pages a group of a panel that lists faults."""
        faults = self.page.get_by_test_id("error-overlay-see-errors")
        if not faults.count():
            return self.dialogs()
        faults.click()
        groups = self.page.get_by_test_id("error-group-missing-model")
        self.page.get_by_test_id("errors-summary-hero").wait_for()
        return groups.all_inner_texts()

    def alerts(self) -> list[str]:
        return self.page.locator(".p-toast-message").all_inner_texts()

    def record(self) -> None:
        """Keep the host's messages to this page for `seen`."""
        self.page.evaluate(RECORD)

    def seen(self, type: str) -> list:
        return self.page.evaluate("type => window.seen[type] ?? []", type)

    def press_run(self) -> None:
        self.page.locator(RUN, has_text="Run").first.click()

    def press_cancel(self) -> None:
        self.page.get_by_label("Cancel current run").first.click()

    def wait_for(self, *types: str, seconds: float) -> None:
        condition = f"() => {json.dumps(types)}.some(type => window.seen[type])"
        self.page.wait_for_function(condition, timeout=1000 * seconds)

    def shown_pictures(self) -> dict[str, list[int]]:
        """Widths of the pictures that each node shows, by node type."""
        nodes = "app.graph.nodes.filter(n => n.imgs?.length)"
        return dict(self.page.evaluate(f"() => {nodes}.map(n => [n.type, n.imgs.map(i => i.naturalWidth)])"))

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    assert path, BROWSER_ADVICE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser) -> Iterator[Page]:
    context = browser.new_context(viewport=VIEWPORT, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.route("**/*", only_this_machine)
    yield page
    context.close()


@pytest.fixture(scope="module")
def frontend(page, server) -> Frontend:
    return Frontend(page, server)


def only_this_machine(route: Route) -> None:
    """Let pass what stays here; the page must work without anything else."""
    if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
        route.continue_()
    else:
        route.abort()
