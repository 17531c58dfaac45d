// Parallel coordinates: an axis for each parameter and for the objective; a drag along an axis selects a range.

function parallelCoordinates(trials) {
  const limit = 14;
  let axes = [];
  let drag = null;

  function load() {
    const names = [...trials.data.parameters.slice(0, limit), trials.objective].filter((name) => name);
    axes = names.map((name) => ({ name, read: trials.read(name), scale: scaleOf(trials.values(name)) }));
  }

  const across = (area, index) => area.left + (axes.length > 1 ? (area.width * index) / (axes.length - 1) : area.width / 2);

  function trace(pen, area, trial) {
    let isDown = false;
    pen.beginPath();
    axes.forEach((axis, index) => {
      const at = axis.scale.at(axis.read(trial));
      if (Number.isNaN(at)) { isDown = false; return; }
      const point = [across(area, index), area.top + (1 - at) * area.height];
      if (isDown) pen.lineTo(...point); else pen.moveTo(...point);
      isDown = true;
    });
    pen.stroke();
  }

  load();
  const plot = new Plot(trials, {
    label: "Parallel coordinates: a line for each trial through its parameters to the objective. Drag along an axis to keep a range; the filter above does the same by keyboard.",
    height: 340,
    minWidth: Math.max(0, (axes.length - 1) * 92 + 60),
    margins: { left: 44, right: 44, top: 34, bottom: 16 },
    draw(pen, area) {
      load();
      const visible = [...trials.visible].sort((below, above) => (below.share ?? -1) - (above.share ?? -1));
      pen.lineWidth = visible.length > 200 ? 0.8 : 1.3;
      pen.globalAlpha = visible.length > 400 ? 0.5 : 0.85;
      for (const trial of visible) {
        pen.strokeStyle = trials.colour(trial);
        trace(pen, area, trial);
      }
      pen.globalAlpha = 1;
      axes.forEach((axis, index) => drawAxis(pen, area, axis, across(area, index), trials.ranges.get(axis.name), axes.length));
    },
    focus(pen, area, trial, colour) {
      for (const [style, width] of [[palette.card, 5], [colour, 2.4]]) {
        [pen.strokeStyle, pen.lineWidth] = [style, width];
        trace(pen, area, trial);
      }
    },
    pick(px, py, area) {
      if (drag) return NOTHING;
      let [nearest, least] = [NOTHING, 14];
      for (const trial of trials.visible) {
        for (let index = 0; index + 1 < axes.length; index += 1) {
          const [x0, x1] = [across(area, index), across(area, index + 1)];
          if (px < x0 - 1 || px > x1 + 1) continue;
          const [y0, y1] = [index, index + 1].map((axis) => area.top + (1 - axes[axis].scale.at(axes[axis].read(trial))) * area.height);
          const distance = Math.abs(y0 + ((y1 - y0) * (px - x0)) / (x1 - x0) - py);
          if (distance < least) [nearest, least] = [trial.index, distance];
        }
      }
      return nearest;
    },
  });

  const position = (event) => {
    const box = plot.above.getBoundingClientRect();
    const area = plot.area;
    return { x: event.clientX - box.left, share: 1 - (event.clientY - box.top - area.top) / area.height, area };
  };
  plot.above.addEventListener("pointerdown", (event) => {
    const { x, share, area } = position(event);
    const index = axes.findIndex((_, at) => Math.abs(across(area, at) - x) < 14);
    if (index < 0 || event.pointerType === "touch") return;
    drag = { name: axes[index].name, from: share };
    plot.above.setPointerCapture(event.pointerId);
  });
  plot.above.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { share } = position(event);
    trials.ranges.set(drag.name, [Math.min(drag.from, share), Math.max(drag.from, share)]);
    trials.notify("filter");
  });
  plot.above.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { share } = position(event);
    if (Math.abs(share - drag.from) < 0.015) trials.ranges.delete(drag.name);
    drag = null;
    trials.notify("filter");
  });
  plot.above.addEventListener("pointercancel", () => { drag = null; });
  return { plots: [plot], element: plot.element, options: [] };
}

function drawAxis(pen, area, axis, x, range, count) {
  const room = Math.max(40, Math.min(150, (area.width / Math.max(1, count - 1)) - 8));
  pen.strokeStyle = palette.muted;
  pen.lineWidth = 1;
  line(pen, Math.round(x) + 0.5, area.top, Math.round(x) + 0.5, area.top + area.height);
  pen.fillStyle = palette.text;
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  pen.fillText(clipped(pen, axis.name, room), x, area.top - 12);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const tick of axis.scale.ticks(6)) {
    const y = area.top + (1 - tick.at) * area.height;
    const label = clipped(pen, tick.label, Math.min(60, room / 2));
    const width = pen.measureText(label).width;
    const left = x + 5 + width > area.left + area.width + 40 ? x - 9 - width : x + 4;
    pen.globalAlpha = 0.8;
    pen.fillStyle = palette.card;
    pen.fillRect(left - 1, y - 7, width + 4, 14);
    pen.globalAlpha = 1;
    pen.fillStyle = palette.muted;
    pen.fillText(label, left + 1, y);
    line(pen, x - 3, y, x + 3, y);
  }
  if (!range) return;
  pen.fillStyle = palette.accent;
  pen.globalAlpha = 0.35;
  const [top, bottom] = [Math.min(1, range[1]), Math.max(0, range[0])].map((share) => area.top + (1 - share) * area.height);
  pen.fillRect(x - 6, top, 12, Math.max(2, bottom - top));
  pen.globalAlpha = 1;
}
