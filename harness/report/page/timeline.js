// A bar for each job, on as many lanes as jobs ran concurrently. A service does not say which node ran a job.

function timeline(trials) {
  const jobs = trials.all.filter((trial) => isNumber(trial.begin) && isNumber(trial.end));
  const lanes = [];
  const laneOf = new Map();
  const bases = new Map(); // the first lane of each run, below the lanes of earlier runs
  for (const trial of [...jobs].sort((first, second) => first.run - second.run || first.begin - second.begin)) {
    if (!bases.has(trial.run)) bases.set(trial.run, lanes.length);
    let lane = bases.get(trial.run);
    while (lane < lanes.length && lanes[lane] > trial.begin) lane += 1;
    lanes[lane] = trial.end;
    laneOf.set(trial.index, lane);
  }
  const start = new Map();
  for (const trial of jobs) start.set(trial.run, Math.min(start.get(trial.run) ?? Infinity, trial.begin));
  const from = (trial) => trial.begin - start.get(trial.run);
  const to = (trial) => trial.end - start.get(trial.run);
  const longest = jobs.reduce((most, trial) => Math.max(most, to(trial)), 1);
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800].find((seconds) => longest / seconds <= 9) ?? 1209600;
  const x = {
    kind: "linear", at: (value) => value / longest, ticks: () => {
      const ticks = [];
      for (let at = 0; at <= longest; at += step) ticks.push({ at: at / longest, label: at ? duration(at).replace(" 0 s", "").replace(" 0 min", "") : "0" });
      return ticks;
    },
  };
  const count = Math.max(1, lanes.length);
  const tall = Math.max(4, Math.min(24, 640 / count));
  const ys = { kind: "category", ticks: (most) => {
    const every = Math.ceil(count / most);
    return Array.from({ length: count }, (_, lane) => lane).filter((lane) => lane % every === 0).map((lane) => ({ at: 1 - (lane + 0.5) / count, label: String(lane + 1) }));
  } };
  const box = (trial, area) => {
    const left = area.left + x.at(from(trial)) * area.width;
    const top = area.top + (laneOf.get(trial.index) / count) * area.height;
    return [left, top + 1, Math.max(1.5, area.left + x.at(to(trial)) * area.width - left - 0.7), area.height / count - 2];
  };
  const plot = new Plot(trials, {
    label: "Time line: a bar for each job, from its start to its end, on lanes of jobs that follow one another.",
    height: Math.round(tall * count + 52),
    margins: { left: 40, top: 8 },
    draw(pen, area) {
      drawAxes(pen, area, { x, y: ys, xName: "since the first job started", yName: "" });
      for (const trial of jobs) {
        pen.globalAlpha = trials.isVisible[trial.index] ? 1 : 0.12;
        pen.fillStyle = trial.met ? trials.colour(trial) : palette.bad;
        pen.fillRect(...box(trial, area));
      }
      pen.globalAlpha = 1;
    },
    focus(pen, area, trial, colour) {
      if (!laneOf.has(trial.index)) return;
      const [left, top, width, height] = box(trial, area);
      [pen.strokeStyle, pen.lineWidth] = [colour, 2.5];
      pen.strokeRect(left - 1, top - 1, width + 2, height + 2);
    },
    pick(px, py, area) {
      const lane = Math.floor(((py - area.top) / area.height) * count);
      let [nearest, least] = [NOTHING, 6];
      for (const trial of jobs) {
        if (laneOf.get(trial.index) !== lane || !trials.isVisible[trial.index]) continue;
        const [left, , width] = box(trial, area);
        const distance = Math.max(left - px, px - left - width, 0);
        if (distance < least) [nearest, least] = [trial.index, distance];
      }
      return nearest;
    },
  });
  return jobs.length ? { plots: [plot], element: plot.element, options: [] } : null;
}
