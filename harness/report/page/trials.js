// The trials, and what the reader has chosen: what is better, which trials are looked at, which one is pointed to.

const NOTHING = -1;

class Trials {
  constructor(data) {
    this.listeners = [];
    this.filter = "";
    this.choices = new Map(); // what charts and table show, by what is chosen there
    this.ranges = new Map(); // field -> [low, high], shares of its axis in the parallel coordinates
    this.hovered = NOTHING;
    this.chosen = NOTHING;
    this.replace(data);
  }

  // Take a newer document, and keep what the reader has chosen.
  replace(data) {
    const chosenId = this.chosen >= 0 ? this.all[this.chosen].key : null;
    this.data = data;
    this.all = data.trials.map((trial, index) => ({ ...trial, index, key: `${trial.run} ${trial.id}` }));
    this.directions = new Map(data.goals.map((goal) => [goal.metric, this.choices.get(`direction of ${goal.metric}`) ?? goal.direction]));
    if (!data.metrics.includes(this.objective)) this.objective = data.goals.length ? data.goals[0].metric : "";
    this.fields = new Map();
    data.parameters.forEach((name, place) => this.fields.set(name, (trial) => trial.p[place]));
    data.metrics.forEach((name, place) => {
      const key = this.fields.has(name) ? `metrics.${name}` : name;
      this.fields.set(key, (trial) => trial.m[place]);
    });
    for (const name of ["state", "exit", "running", "queued", "id"]) {
      if (!this.fields.has(name)) this.fields.set(name, (trial) => trial[name]);
    }
    if (!this.fields.has("expected")) this.fields.set("expected", (trial) => trial.met);
    if (data.runs.length > 1 && !this.fields.has("run")) this.fields.set("run", (trial) => runLabel(data.runs, trial.run));
    this.chosen = this.all.findIndex((trial) => trial.key === chosenId);
    this.hovered = NOTHING;
    this.rank();
  }

  read(name) {
    const place = this.data.metrics.indexOf(name);
    return this.fields.get(name) ?? (place >= 0 ? (trial) => trial.m[place] : () => null);
  }

  metric(name) {
    const place = this.data.metrics.indexOf(name);
    return place >= 0 ? (trial) => trial.m[place] : () => null;
  }

  values(name) { return this.all.map(this.read(name)); }

  get direction() { return this.directions.get(this.objective) ?? "minimize"; }

  set direction(way) {
    this.directions.set(this.objective, this.pick(`direction of ${this.objective}`, way));
    this.rank();
  }

  // Remember what the reader has chosen somewhere; news of the run draws everything again.
  pick(what, value) {
    this.choices.set(what, value);
    return value;
  }

  // What was chosen, if it is still there to be chosen.
  picked(what, names) {
    const value = this.choices.get(what);
    return names.includes(value) ? value : undefined;
  }

  // Who is better: share 1 is the best trial, 0 the worst; those without a value have none.
  rank() {
    const value = this.metric(this.objective);
    const sign = this.direction === "minimize" ? 1 : -1;
    const reached = this.all.filter((trial) => isNumber(value(trial)) && trial.eligible);
    reached.sort((one, other) => sign * (value(one) - value(other)));
    for (const trial of this.all) trial.share = null;
    reached.forEach((trial, index) => { trial.share = reached.length > 1 ? 1 - index / (reached.length - 1) : 1; });
    this.ranked = reached;
    this.select();
  }

  get best() { return this.ranked[0] ?? null; }

  // Which trials are looked at. Returns what is wrong with the filter, or nothing.
  select() {
    const { test, problem } = readFilter(this.filter, this);
    const inside = [...this.ranges].map(([name, [low, high]]) => {
      const [read, scale] = [this.read(name), scaleOf(this.values(name))];
      return (trial) => { const place = scale.at(read(trial)); return place >= low && place <= high; };
    });
    this.visible = this.all.filter((trial) => test(trial) && inside.every((one) => one(trial)));
    this.isVisible = new Uint8Array(this.all.length);
    for (const trial of this.visible) this.isVisible[trial.index] = 1;
    return problem;
  }

  // The visible trials, the best first, then those without a value: the order of the arrow keys.
  get order() {
    const rest = this.visible.filter((trial) => trial.share === null);
    return [...this.ranked.filter((trial) => this.isVisible[trial.index]), ...rest];
  }

  colour(trial) {
    if (this.data.runs.length > 1 && this.byRun) return palette.runs[trial.run % palette.runs.length];
    if (trial.share === null) return trial.met ? palette.muted : palette.bad; // pruned, not feasible, or not as expected
    return rampColour(trial.share);
  }

  on(listener) { this.listeners.push(listener); }

  tell(what) { for (const listener of this.listeners) listener(what); }

  hover(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.tell("focus");
  }

  choose(index) {
    this.chosen = index === this.chosen ? NOTHING : index;
    this.tell("focus");
    this.tell("choice");
  }
}

function runLabel(runs, index) {
  const run = runs[index];
  const hasTwins = runs.filter((other) => other.name === run.name).length > 1;
  return hasTwins ? `${run.name} ${run.scenario}` : run.name;
}

// A filter is words, all of which must hold: NAME<VALUE and alike compare, others are looked for in the trial's name.
function readFilter(text, trials) {
  const tests = [];
  for (const word of text.match(/[A-Za-z_][\w.]*\s*(?:<=|>=|!=|==?|<|>)\s*\S+|\S+/g) ?? []) {
    const found = /^([A-Za-z_][\w.]*)\s*(<=|>=|!=|==?|<|>)\s*(\S+)$/.exec(word);
    if (found && trials.fields.has(found[1])) {
      tests.push(comparison(trials.fields.get(found[1]), found[2], found[3]));
    } else if (found && /[<>!]/.test(found[2])) {
      return { test: () => false, problem: `There is no field ${found[1]}.` };
    } else {
      const wanted = word.toLowerCase();
      tests.push((trial) => trial.id.toLowerCase().includes(wanted) || trial.state === wanted);
    }
  }
  return { test: (trial) => tests.every((one) => one(trial)), problem: "" };
}

function comparison(read, sign, wanted) {
  const number = Number(wanted);
  const equal = (value) => (typeof value === "number" ? value === number : shown(value).toLowerCase() === wanted.toLowerCase());
  const ways = { "<": (value) => value < number, "<=": (value) => value <= number, ">": (value) => value > number, ">=": (value) => value >= number };
  if (sign in ways) return (trial) => isNumber(read(trial)) && ways[sign](read(trial));
  return (trial) => equal(read(trial)) === (sign !== "!=");
}
