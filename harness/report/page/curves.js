// Learning curves: a line for each trial shows one series.

function learningCurves(trials) {
  const names = trials.data.series;
  let name = trials.picked("series", names) ?? (names.includes(trials.objective) ? trials.objective : names[0]);
  let curves = [];
  let [x, y] = [null, null];
  const log = make("input", { type: "checkbox", onchange: () => { scales(); schedule(plot, "all"); } });

  function load() {
    curves = [];
    for (const trial of trials.all) {
      const series = own(trial.s, name);
      if (series) curves.push({ trial, x: series.x ?? series.y.map((_, index) => index + 1), y: series.y });
    }
    const values = curves.flatMap((curve) => curve.y).filter(isNumber).sort((low, high) => low - high);
    log.checked = values.length > 0 && values[0] > 0 && values[values.length - 1] / values[values.length >> 1] >= 50;
    log.disabled = !(values.length > 0 && values[values.length - 1] > 0);
    scales();
  }

  function scales() {
    x = numericScale(curves.flatMap((curve) => [curve.x[0], curve.x[curve.x.length - 1]]), { padded: false, integer: true });
    y = numericScale(curves.flatMap((curve) => curve.y), { log: log.checked });
  }

  function trace(pen, area, curve) {
    let isDown = false;
    let last = null;
    pen.beginPath();
    for (let index = 0; index < curve.y.length; index += 1) {
      const [px, py] = [x.at(curve.x[index]), y.at(curve.y[index])];
      if (Number.isNaN(py)) { isDown = false; continue; }
      last = [area.left + px * area.width, area.top + (1 - py) * area.height];
      if (isDown) pen.lineTo(...last); else pen.moveTo(...last);
      isDown = true;
    }
    pen.stroke();
    if (last && curve.y.length === 1) dot(pen, ...last, 3);
    // A cross marks the end of a series that is no longer finite.
    if (last && curve.y[curve.y.length - 1] === null) {
      line(pen, last[0] - 3, last[1] - 3, last[0] + 3, last[1] + 3);
      line(pen, last[0] - 3, last[1] + 3, last[0] + 3, last[1] - 3);
    }
  }

  const plot = new Plot(trials, {
    label: `Learning curves of ${name}, one line for each trial. Arrow keys go through the trials, the best first.`,
    height: 320,
    draw(pen, area) {
      drawAxes(pen, area, { x, y, xName: "step", yName: name });
      const visible = curves.filter((curve) => trials.isVisible[curve.trial.index]);
      visible.sort((below, above) => (below.trial.share ?? -1) - (above.trial.share ?? -1));
      pen.lineWidth = visible.length > 200 ? 0.8 : 1.3;
      pen.globalAlpha = visible.length > 400 ? 0.55 : 0.9;
      for (const curve of visible) {
        pen.strokeStyle = trials.colour(curve.trial);
        trace(pen, area, curve);
      }
      pen.globalAlpha = 1;
    },
    focus(pen, area, trial, colour) {
      const curve = curves.find((item) => item.trial.index === trial.index);
      if (!curve) return;
      pen.strokeStyle = palette.card;
      pen.lineWidth = 5;
      trace(pen, area, curve);
      pen.strokeStyle = colour;
      pen.lineWidth = 2.4;
      trace(pen, area, curve);
    },
    pick(px, py, area) {
      let [nearest, least] = [NOTHING, 24 * 24];
      for (const curve of curves) {
        if (!trials.isVisible[curve.trial.index]) continue;
        for (let index = 0; index < curve.y.length; index += 1) {
          const dx = area.left + x.at(curve.x[index]) * area.width - px;
          if (dx > 40 || dx < -40) continue;
          const dy = area.top + (1 - y.at(curve.y[index])) * area.height - py;
          const distance = dx * dx + dy * dy;
          if (distance < least) [nearest, least] = [curve.trial.index, distance];
        }
      }
      return nearest;
    },
  });
  load();
  const options = [make("label", { class: "check" }, log, "logarithmic")];
  if (names.length > 1) options.unshift(selection("Series", names, name, (choice) => { name = trials.pick("series", choice); load(); schedule(plot, "all"); }));
  return { plots: [plot], element: plot.element, options };
}
