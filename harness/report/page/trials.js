// The trials, and the reader's choices: the objective, the filter, the highlighted trial.

const NOTHING = -1;

class Trials {
  constructor(data) {
    this.listeners = [];
    this.filter = "";
    this.choices = new Map(); // choices of the reader in charts and the table, by name
    this.ranges = new Map(); // field -> [low, high], shares of its axis in the parallel coordinates
    this.hovered = NOTHING;
    this.chosen = NOTHING;
    this.replace(data);
  }

  // Replace the document, and keep the reader's choices.
  replace(data) {
    const chosenId = this.chosen >= 0 ? this.all[this.chosen].key : null;
    this.data = data;
    this.all = data.trials.map((trial, index) => ({ ...trial, index, key: `${trial.run} ${trial.id}` }));
    this.directions = new Map(data.goals.map((goal) => [goal.metric, this.choices.get(`direction of ${goal.metric}`) ?? goal.direction]));
    if (!data.metrics.includes(this.objective)) this.objective = data.goals.length ? data.goals[0].metric : "";
    this.fields = new Map();
    data.parameters.forEach((name, index) => this.fields.set(name, (trial) => trial.p[index]));
    data.metrics.forEach((name, index) => {
      const key = this.fields.has(name) ? `metrics.${name}` : name;
      this.fields.set(key, (trial) => trial.m[index]);
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
    const index = this.data.metrics.indexOf(name);
    return this.fields.get(name) ?? (index >= 0 ? (trial) => trial.m[index] : () => null);
  }

  metric(name) {
    const index = this.data.metrics.indexOf(name);
    return index >= 0 ? (trial) => trial.m[index] : () => null;
  }

  values(name) { return this.all.map(this.read(name)); }

  get direction() { return this.directions.get(this.objective) ?? "minimize"; }

  set direction(way) {
    this.directions.set(this.objective, this.pick(`direction of ${this.objective}`, way));
    this.rank();
  }

  // Remember a choice of the reader, since an update of the run draws everything again.
  pick(key, value) {
    this.choices.set(key, value);
    return value;
  }

  // The choice of the reader, if it is still available.
  picked(key, names) {
    const value = this.choices.get(key);
    return names.includes(value) ? value : undefined;
  }

  // Rank the trials: share 1 is the best trial, 0 the worst; trials without a value have no share.
  rank() {
    const value = this.metric(this.objective);
    const sign = this.direction === "minimize" ? 1 : -1;
    const ranked = this.all.filter((trial) => isNumber(value(trial)) && trial.eligible);
    ranked.sort((first, second) => sign * (value(first) - value(second)));
    for (const trial of this.all) trial.share = null;
    ranked.forEach((trial, index) => { trial.share = ranked.length > 1 ? 1 - index / (ranked.length - 1) : 1; });
    this.ranked = ranked;
    this.select();
  }

  get best() { return this.ranked[0] ?? null; }

  // Select the visible trials. Returns a problem of the filter, or an empty text.
  select() {
    const { test, problem } = readFilter(this.filter, this);
    const rangeTests = [...this.ranges].map(([name, [low, high]]) => {
      const [read, scale] = [this.read(name), scaleOf(this.values(name))];
      return (trial) => { const position = scale.at(read(trial)); return position >= low && position <= high; };
    });
    this.visible = this.all.filter((trial) => test(trial) && rangeTests.every((test) => test(trial)));
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

  notify(event) { for (const listener of this.listeners) listener(event); }

  hover(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.notify("focus");
  }

  choose(index) {
    this.chosen = index === this.chosen ? NOTHING : index;
    this.notify("focus");
    this.notify("choice");
  }
}

function runLabel(runs, index) {
  const run = runs[index];
  const hasTwins = runs.filter((other) => other.name === run.name).length > 1;
  return hasTwins ? `${run.name} ${run.scenario}` : run.name;
}

// A filter consists of terms, all of which must hold: NAME<VALUE and similar terms compare; other terms must occur in the trial's name.
function readFilter(text, trials) {
  const tests = [];
  for (const word of text.match(/[A-Za-z_][\w.]*\s*(?:<=|>=|!=|==?|<|>)\s*\S+|\S+/g) ?? []) {
    const match = /^([A-Za-z_][\w.]*)\s*(<=|>=|!=|==?|<|>)\s*(\S+)$/.exec(word);
    if (match && trials.fields.has(match[1])) {
      tests.push(comparison(trials.fields.get(match[1]), match[2], match[3]));
    } else if (match && /[<>!]/.test(match[2])) {
      return { test: () => false, problem: `There is no field ${match[1]}.` };
    } else {
      const term = word.toLowerCase();
      tests.push((trial) => trial.id.toLowerCase().includes(term) || trial.state === term);
    }
  }
  return { test: (trial) => tests.every((test) => test(trial)), problem: "" };
}

function comparison(read, sign, operand) {
  const number = Number(operand);
  const equal = (value) => (typeof value === "number" ? value === number : shown(value).toLowerCase() === operand.toLowerCase());
  const ways = { "<": (value) => value < number, "<=": (value) => value <= number, ">": (value) => value > number, ">=": (value) => value >= number };
  if (sign in ways) return (trial) => isNumber(read(trial)) && ways[sign](read(trial));
  return (trial) => equal(read(trial)) === (sign !== "!=");
}
