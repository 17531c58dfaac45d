// Scatter plots: a parameter and the objective, two parameters, two objectives, and trials in the order of time.

// fx and fy read a trial; x and y are scales. under(pen, area) draws below the points.
function scatter(trials, { label, height, xName, yName, setUp, under, over, margins }) {
  let set = setUp();
  const position = (trial, area) => [area.left + set.x.at(set.fx(trial)) * area.width, area.top + (1 - set.y.at(set.fy(trial))) * area.height];
  const isDrawable = (point) => !Number.isNaN(point[0]) && !Number.isNaN(point[1]);
  const radius = () => (trials.visible.length > 300 ? 2.6 : 4);
  const plot = new Plot(trials, {
    label, height, margins,
    draw(pen, area) {
      set = setUp();
      if (under) under(pen, area, set);
      drawAxes(pen, area, { x: set.x, y: set.y, xName: xName(), yName: yName(), hasGrid: !under });
      const visible = [...trials.visible].sort((below, above) => (below.share ?? -1) - (above.share ?? -1));
      for (const trial of visible) {
        const point = position(trial, area);
        if (!isDrawable(point)) continue;
        pen.fillStyle = trials.colour(trial);
        pen.strokeStyle = palette.card;
        dot(pen, ...point, radius());
        if (under) pen.stroke();
      }
      if (over) over(pen, area, set, (trial) => position(trial, area));
    },
    focus(pen, area, trial, colour) {
      const point = position(trial, area);
      if (!isDrawable(point)) return;
      pen.fillStyle = palette.card;
      dot(pen, ...point, radius() + 4);
      pen.fillStyle = colour;
      dot(pen, ...point, radius() + 2);
    },
    pick(px, py, area) {
      let [nearest, least] = [NOTHING, 20 * 20];
      for (const trial of trials.visible) {
        const point = position(trial, area);
        const distance = (point[0] - px) ** 2 + (point[1] - py) ** 2;
        if (distance < least) [nearest, least] = [trial.index, distance];
      }
      return nearest;
    },
  });
  return plot;
}

const orderOf = (trials) => (trial) => trial.index + 1;

function history(trials) {
  const setUp = () => {
    const fy = trials.metric(trials.objective);
    return { fx: orderOf(trials), fy, x: numericScale([1, trials.all.length], { integer: true }), y: outcomeScale(trials) };
  };
  const plot = scatter(trials, {
    label: "The objective of each trial in the order in which they ended, and the best so far.",
    height: 320,
    xName: () => "trial", yName: () => trials.objective, setUp,
    over(pen, area, { fy }, position) {
      const sign = trials.direction === "minimize" ? 1 : -1;
      let best = null;
      pen.strokeStyle = palette.accent;
      pen.lineWidth = 1.6;
      pen.beginPath();
      for (const trial of trials.visible) {
        if (trial.share === null) continue;
        const [px] = position(trial);
        if (best !== null) pen.lineTo(px, position(best)[1]);
        if (best === null || sign * fy(trial) < sign * fy(best)) {
          if (best === null) pen.moveTo(px, position(trial)[1]);
          best = trial;
          pen.lineTo(px, position(best)[1]);
        }
      }
      pen.stroke();
    },
  });
  return { plots: [plot], element: plot.element, options: [] };
}

// The scale of the objective, or of another metric, for the visible trials.
function outcomeScale(trials, name = trials.objective) {
  const values = trials.visible.map(trials.metric(name)).filter(isNumber);
  return scaleOf(values.length ? values : [0, 1]);
}

function slices(trials) {
  const plots = trials.data.parameters.slice(0, 12).map((name, column) => scatter(trials, {
    label: `Slice: ${name} and the objective, a point for each trial.`,
    height: 210, margins: { left: 50 },
    xName: () => name, yName: () => trials.objective,
    setUp: () => ({
      fx: (trial) => trial.p[column], fy: trials.metric(trials.objective),
      x: scaleOf(trials.all.map((trial) => trial.p[column])), y: outcomeScale(trials),
    }),
  }));
  return { plots, element: make("div", { class: "slices" }, ...plots.map((plot) => plot.element)), options: [] };
}

function contour(trials) {
  const names = trials.data.parameters;
  const important = Object.entries(own(trials.data.importance, trials.objective)?.shares ?? {}).map(([name]) => name);
  const [likely, next] = important.length > 1 ? important : names;
  let [first, second] = [trials.picked("contour across", names) ?? likely, trials.picked("contour up", names) ?? next];
  const read = (name) => { const column = names.indexOf(name); return (trial) => trial.p[column]; };
  const plot = scatter(trials, {
    label: "Two parameters: a point for each trial, and between them the mean rank of nearby trials.",
    height: 330,
    xName: () => first, yName: () => second,
    setUp: () => ({
      fx: read(first), fy: read(second),
      x: scaleOf(trials.all.map(read(first))), y: scaleOf(trials.all.map(read(second))),
    }),
    under(pen, area, set) { drawSurface(pen, area, trials, set); },
  });
  const redraw = () => schedule(plot, "all");
  const options = names.length > 2 ? [
    selection("Across", names, first, (name) => { first = trials.pick("contour across", name); redraw(); }),
    selection("Up", names, second, (name) => { second = trials.pick("contour up", name); redraw(); }),
  ] : [];
  return { plots: [plot], element: plot.element, options };
}

// The mean of the trials' ranks, weighted by the inverse of the squared distance.
function drawSurface(pen, area, trials, { x, y, fx, fy }) {
  const points = trials.visible.filter((trial) => trial.share !== null)
    .map((trial) => [x.at(fx(trial)), y.at(fy(trial)), trial.share])
    .filter(([px, py]) => !Number.isNaN(px) && !Number.isNaN(py));
  if (points.length < 4) return;
  const stride = Math.max(1, Math.ceil(points.length / 400));
  const sample = points.filter((_, index) => index % stride === 0);
  const size = 40;
  const small = make("canvas", { width: size, height: size });
  const image = small.getContext("2d").createImageData(size, size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      let [sum, weights] = [0, 0];
      for (const [px, py, share] of sample) {
        const distance = (px - (column + 0.5) / size) ** 2 + (py - 1 + (row + 0.5) / size) ** 2;
        const weight = 1 / (distance + 0.002) ** 2;
        sum += weight * share;
        weights += weight;
      }
      image.data.set([...ramp(sum / weights), 205], 4 * (row * size + column));
    }
  }
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, area.left, area.top, area.width, area.height);
}

function pareto(trials) {
  const names = trials.data.metrics;
  let first = trials.picked("pareto across", names) ?? trials.objective;
  let second = trials.picked("pareto up", names) ?? names.find((name) => name !== first);
  const sign = (name) => ((trials.directions.get(name) ?? "minimize") === "minimize" ? 1 : -1);
  const note = make("p", { class: "hint" });
  const plot = scatter(trials, {
    label: "Two objectives: a point for each trial; a line joins the Pareto front.",
    height: 330,
    xName: () => `${first} (${trials.directions.get(first) ?? "minimize"})`,
    yName: () => `${second} (${trials.directions.get(second) ?? "minimize"})`,
    setUp: () => ({ fx: trials.metric(first), fy: trials.metric(second), x: outcomeScale(trials, first), y: outcomeScale(trials, second) }),
    over(pen, area, { fx, fy }, position) {
      const front = paretoFront(trials.visible.filter((trial) => trial.eligible), fx, fy, sign(first), sign(second));
      pen.strokeStyle = palette.accent;
      pen.lineWidth = 1.6;
      pen.beginPath();
      front.forEach((trial, index) => { const point = position(trial); if (index) pen.lineTo(...point); else pen.moveTo(...point); });
      pen.stroke();
      pen.fillStyle = palette.accent;
      for (const trial of front) dot(pen, ...position(trial), 3);
      note.textContent = `${counted(front.length, "trial")} on the Pareto front: no other trial is better in both.`;
    },
  });
  const redraw = () => schedule(plot, "all");
  const options = [
    selection("Across", names, first, (name) => { first = trials.pick("pareto across", name); redraw(); }),
    selection("Up", names, second, (name) => { second = trials.pick("pareto up", name); redraw(); }),
  ];
  return { plots: [plot], element: make("div", {}, plot.element, note), options };
}

function paretoFront(trials, fx, fy, signX, signY) {
  const points = trials.filter((trial) => isNumber(fx(trial)) && isNumber(fy(trial)));
  points.sort((left, right) => signX * (fx(left) - fx(right)) || signY * (fy(left) - fy(right)));
  const front = [];
  for (const trial of points) {
    if (!front.length || signY * fy(trial) < signY * fy(front[front.length - 1])) front.push(trial);
  }
  return front;
}
