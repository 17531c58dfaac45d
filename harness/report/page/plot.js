// The base of every chart: a canvas with all trials, one above it with the highlighted trial; axes; pointer and keys.

const drawings = new Set(); // charts that wait for the next frame
let isScheduled = false;

function schedule(plot, part) {
  plot.pendingPart = plot.pendingPart === "all" || part === "all" ? "all" : part;
  drawings.add(plot);
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    const due = [...drawings];
    drawings.clear();
    for (const plot of due) plot.paint();
  });
}

class Plot {
  // draw(pen, area) draws all; focus(pen, area, trial, colour) one trial; pick(x, y, area) finds the nearest trial.
  constructor(trials, { label, height = 260, margins = {}, draw, focus, pick, minWidth = 0 }) {
    Object.assign(this, { trials, height, draw, focus, pick, minWidth, label, pendingPart: "" });
    this.margins = { left: 54, right: 14, top: 10, bottom: 38, ...margins };
    this.below = make("canvas", { "aria-hidden": "true" });
    this.above = make("canvas", { tabindex: "0", role: "img", "aria-label": label, "aria-describedby": "keys" });
    this.host = make("div", { class: "chart" }, this.below, this.above);
    this.element = minWidth ? make("div", { class: "scroll" }, this.host) : this.host;
    this.above.addEventListener("pointermove", (event) => this.point(event));
    this.above.addEventListener("pointerdown", (event) => this.point(event));
    this.above.addEventListener("pointerleave", () => { this.trials.hover(NOTHING); hideTip(); });
    this.above.addEventListener("click", () => { if (this.trials.hovered >= 0) this.trials.choose(this.trials.hovered); });
    this.above.addEventListener("keydown", (event) => this.key(event));
    this.above.addEventListener("blur", () => { this.trials.hover(NOTHING); hideTip(); });
    new ResizeObserver(() => schedule(this, "all")).observe(this.host);
  }

  get area() {
    const { left, right, top, bottom } = this.margins;
    return { left, top, width: Math.max(10, this.width - left - right), height: Math.max(10, this.height - top - bottom) };
  }

  paint() {
    if (!this.host.isConnected) return;
    const all = this.pendingPart === "all";
    this.pendingPart = "";
    if (all) {
      this.host.style.minWidth = `${this.minWidth}px`;
      this.host.style.height = `${this.height}px`;
      this.width = this.host.clientWidth;
      if (!this.width) return;
      this.draw(this.pen(this.below), this.area);
      this.host.dataset.drawn = String(this.trials.visible.length);
    }
    if (!this.width) return;
    const pen = this.pen(this.above);
    for (const [index, colour] of [[this.trials.chosen, palette.accent], [this.trials.hovered, palette.focus]]) {
      if (index >= 0 && this.trials.all[index]) this.focus(pen, this.area, this.trials.all[index], colour);
    }
  }

  pen(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      [canvas.style.width, canvas.style.height] = [`${this.width}px`, `${this.height}px`];
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
    pen.lineJoin = "round";
    return pen;
  }

  point(event) {
    const box = this.above.getBoundingClientRect();
    const index = this.pick(event.clientX - box.left, event.clientY - box.top, this.area);
    this.trials.hover(index);
    if (index >= 0) showTip(this.trials, index, event.clientX, event.clientY);
    else hideTip();
  }

  key(event) {
    const order = this.trials.order;
    const at = order.findIndex((trial) => trial.index === this.trials.hovered);
    const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 };
    if (event.key === "Escape") {
      this.trials.hover(NOTHING);
      hideTip();
    } else if (event.key === "Enter" && at >= 0) {
      this.trials.choose(order[at].index);
    } else if (event.key in moves && order.length) {
      const trial = order[Math.min(order.length - 1, Math.max(0, moves[event.key]))];
      this.trials.hover(trial.index);
      const box = this.above.getBoundingClientRect();
      showTip(this.trials, trial.index, box.left + box.width / 2, box.top + 20);
      say(summary(this.trials, trial));
    } else {
      return;
    }
    event.preventDefault();
  }
}

function drawAxes(pen, area, { x, y, xName, yName, hasGrid = true }) {
  pen.strokeStyle = palette.grid;
  pen.fillStyle = palette.muted;
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const tick of y.ticks(Math.max(2, Math.floor(area.height / 34)))) {
    const at = Math.round(area.top + area.height * (1 - tick.at)) + 0.5;
    if (hasGrid) line(pen, area.left, at, area.left + area.width, at);
    pen.fillText(clipped(pen, tick.label, area.left - 8), area.left - 6, at);
  }
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const room = x.kind === "category" ? 60 : 75;
  const ticks = x.ticks(Math.max(2, Math.floor(area.width / room)));
  const widest = area.width / Math.max(1, ticks.length);
  for (const tick of ticks) {
    const at = Math.round(area.left + area.width * tick.at) + 0.5;
    if (hasGrid) line(pen, at, area.top, at, area.top + area.height);
    pen.fillText(clipped(pen, tick.label, widest), at, area.top + area.height + 5);
  }
  pen.strokeStyle = palette.line;
  pen.strokeRect(area.left + 0.5, area.top + 0.5, area.width, area.height);
  pen.fillStyle = palette.text;
  pen.fillText(clipped(pen, xName, area.width), area.left + area.width / 2, area.top + area.height + 20);
  if (yName) {
    pen.save();
    pen.translate(2, area.top + area.height / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(clipped(pen, yName, area.height), 0, 0);
    pen.restore();
  }
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function clipped(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

function dot(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

function summary(trials, trial) {
  const value = trials.objective ? `${trials.objective} ${shown(trials.metric(trials.objective)(trial))}, ` : "";
  const parameters = trials.data.parameters.map((name, column) => `${name} ${shown(trial.p[column])}`).join(", ");
  return `${value}${parameters || trial.id}, ${trial.state}${trial.met ? "" : ", not as expected"}`;
}

function showTip(trials, index, x, y) {
  const trial = trials.all[index];
  const tip = document.getElementById("tip");
  const rows = [];
  if (trials.data.runs.length > 1) rows.push(["run", runLabel(trials.data.runs, trial.run)]);
  trials.data.metrics.slice(0, 8).forEach((name, column) => rows.push([name, shown(trial.m[column])]));
  trials.data.parameters.slice(0, 12).forEach((name, column) => rows.push([name, shown(trial.p[column])]));
  if (!trials.data.parameters.length) rows.push(["trial", trial.id]);
  rows.push(["state", trial.met ? trial.state : `${trial.state}, not as expected`]);
  tip.replaceChildren(make("table", {}, ...rows.map(([name, value]) => make("tr", {}, make("td", { class: "muted" }, name), make("td", {}, value)))));
  tip.hidden = false;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 16 + width > window.innerWidth ? Math.max(4, x - width - 16) : x + 16;
  const top = Math.min(Math.max(4, y + 12), Math.max(4, window.innerHeight - height - 4));
  [tip.style.left, tip.style.top] = [`${left}px`, `${top}px`];
}

function hideTip() { document.getElementById("tip").hidden = true; }
