// The widget of CSD Compare: two pictures on top of each other and a line between them. Left of it is `before`.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const SMALLEST = { width: 320, height: 220 };
const STYLE = `
  .csd-compare { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%; min-height: 160px; }
  .csd-compare .stage { position: relative; flex: 1; min-height: 120px; overflow: hidden; background: #0004; }
  .csd-compare img { position: absolute; width: 100%; height: 100%; object-fit: contain; pointer-events: none; }
  .csd-compare img:not([src]) { visibility: hidden; } /* or the browser draws a broken picture before the first run */
  .csd-compare .line { position: absolute; top: 0; bottom: 0; width: 2px; background: #fff; pointer-events: none; }
  .csd-compare .side { position: absolute; bottom: 4px; padding: 1px 6px; background: #000a; color: #fff;
                       font: 12px sans-serif; pointer-events: none; }
  .csd-compare .split { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
                        cursor: ew-resize; }
  .csd-compare .frames { display: flex; gap: 6px; align-items: center; font: 12px sans-serif; color: inherit; }
  .csd-compare .frames[hidden] { display: none; }
  .csd-compare .frame { flex: 1; min-width: 0; }`;

function made(kind, className, properties = {}, children = []) {
  const element = Object.assign(document.createElement(kind), { className, ...properties });
  element.append(...children);
  return element;
}

function slider(className, label, range) {
  const input = made("input", className, { type: "range", ...range });
  input.setAttribute("aria-label", label);
  return input;
}

function address({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

class Comparison {
  before = [];
  after = [];

  constructor() {
    this.pictures = [made("img", "before", { alt: "before" }), made("img", "after", { alt: "after" })];
    this.line = made("div", "line");
    this.split = slider("split", "between before and after", { min: 0, max: 100, step: 0.1, value: 50 });
    this.frame = slider("frame", "picture of the set", { min: 1, max: 1, step: 1, value: 1 });
    this.number = made("span", "number");
    this.frames = made("div", "frames", { hidden: true }, [this.frame, this.number]);
    const sides = [made("span", "side", { textContent: "before" }), made("span", "side", { textContent: "after" })];
    sides[0].style.left = sides[1].style.right = "4px";
    const stage = made("div", "stage", {}, [...this.pictures, this.line, ...sides, this.split]);
    this.element = made("div", "csd-compare", {}, [made("style", "", { textContent: STYLE }), stage, this.frames]);
    this.split.addEventListener("input", () => this.divide());
    this.frame.addEventListener("input", () => this.show());
    this.divide();
  }

  take(output) {
    if (!output?.csd_before || output === this.output) return;
    this.output = output;
    [this.before, this.after] = [output.csd_before, output.csd_after];
    this.frame.max = Math.max(this.before.length, this.after.length);
    this.frame.value = Math.min(this.frame.value, this.frame.max);
    this.frames.hidden = this.frame.max <= 1;
    this.show();
  }

  show() {
    const number = Number(this.frame.value);
    this.number.textContent = `${number} of ${this.frame.max}`;
    [this.before, this.after].forEach((files, side) => {
      const file = files[Math.min(number, files.length) - 1];
      if (file) this.pictures[side].src = address(file);
    });
  }

  divide() {
    this.line.style.left = `calc(${this.split.value}% - 1px)`;
    this.pictures[0].style.clipPath = `inset(0 ${100 - this.split.value}% 0 0)`;
    this.pictures[1].style.clipPath = `inset(0 0 0 ${this.split.value}%)`;
  }
}

app.registerExtension({
  name: "collaborative-score-distillation.compare",
  nodeCreated(node) {
    if (node.comfyClass !== "CSDCompare") return;
    const comparison = new Comparison();
    const widget = node.addDOMWidget("comparison", "csd_comparison", comparison.element, {
      getMinHeight: () => SMALLEST.height,
      hideOnZoom: false,
      serialize: false,
      onDraw: () => comparison.take(app.nodeOutputs?.[node.id]), // the page keeps outputs of a workflow it returns to
    });
    widget.serialize = false;
    const { onExecuted } = node;
    node.onExecuted = function (output) {
      onExecuted?.apply(this, arguments);
      comparison.take(output);
    };
    node.setSize([SMALLEST.width, node.computeSize()[1]]); // a saved node then takes its own size
  },
});
