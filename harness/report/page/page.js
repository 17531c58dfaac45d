// The page: header, controls, sections; and news of a run that goes on.

const trials = new Trials(JSON.parse(document.getElementById("data").textContent));
let plots = [];
let table = null;

function header() {
  const { data } = trials;
  const scenarios = [...new Set(data.runs.map((run) => run.scenario))];
  const one = data.runs[0];
  const about = data.runs.length === 1
    ? [one.description, one.started && new Date(one.started).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }), one.cloud.join(", "), one.service.join(", "), one.name]
    : [`${data.runs.length} runs beside one another`];
  const failed = trials.all.filter((trial) => !trial.met).length;
  const seconds = data.runs.map((run) => run.seconds).filter(isNumber);
  const tiles = [
    ["Trials", trials.all.length.toLocaleString("en"), failed ? `${failed} not as expected` : trials.all.length ? "all as expected" : "none has ended yet", failed ? "bad" : ""],
    bestTile(),
    ["Time", seconds.length ? duration(seconds.reduce((sum, value) => sum + value, 0)) : "–", one && one.nodes !== null ? `${counted(one.nodes, "node")} of ${one.vm_size || "several sizes"}` : ""],
    costTile(),
  ].filter((tile) => tile);
  document.getElementById("header").replaceChildren(
    make("h1", {}, scenarios.join(", ") || "No trials"),
    make("p", { class: "about" }, about.filter((text) => text).join("  ·  ")),
    make("div", { class: "tiles" }, ...tiles.map(([name, value, note, kind]) => make("div", { class: name.startsWith("Best") ? "tile wide" : "tile" },
      make("div", { class: "name" }, name), make("div", { class: "value" }, value), make("div", { class: `note ${kind ?? ""}` }, note)))),
  );
  document.title = `${scenarios.join(", ") || "no trials"} – ${data.runs.map((run) => run.name).join(", ")}`;
}

function bestTile() {
  const trial = trials.best;
  if (!trials.objective) return null;
  if (!trial) return [`Best ${trials.objective}`, "–", "no trial has reached a value"];
  const given = trials.data.parameters.map((name, place) => `${name} ${shown(trial.p[place])}`).join(", ");
  return [`Best ${trials.objective} (${trials.direction})`, shown(trials.metric(trials.objective)(trial)), given || trial.id];
}

function costTile() {
  const { runs } = trials.data;
  const used = runs.map((run) => run.cluster_hours ?? run.job_hours);
  const hours = used.reduce((sum, value) => sum + value, 0);
  if (!hours || !used.every(isNumber)) return null;
  const priced = runs.every((run) => isNumber(run.price));
  const money = runs.reduce((sum, run, place) => sum + (run.price ?? 0) * used[place], 0);
  const isPaid = runs.every((run) => run.cloud.includes("azure"));
  const note = priced ? (isPaid ? `${shown(hours)} node-hours at list price` : `nothing; ${shown(hours)} node-hours on Azure at list price`) : "price not known";
  return ["Cost", priced ? `${isPaid ? "" : "≈ "}$${money < 0.01 ? shown(money) : money.toFixed(2)}` : `${shown(hours)} h`, note];
}

function controls() {
  const { data } = trials;
  const form = document.getElementById("controls");
  const count = make("output", { class: "count" });
  const filter = make("input", { type: "search", value: trials.filter, placeholder: "learning_rate<0.01 state=failed adam", spellcheck: "false", autocomplete: "off",
    oninput: () => { trials.filter = filter.value; trials.tell("filter"); } });
  const children = [];
  if (data.metrics.length) {
    const way = selection("Better is", ["minimize", "maximize"], trials.direction, (value) => { trials.direction = value; changed(); });
    children.push(selection("Objective", data.metrics, trials.objective, (name) => {
      trials.objective = name;
      way.lastChild.value = trials.direction;
      trials.rank();
      changed();
    }), way);
  }
  children.push(make("label", { class: "grow" }, "Filter (names, or NAME<VALUE)", filter));
  if (data.runs.length > 1) {
    const box = make("input", { type: "checkbox", onchange: () => { trials.byRun = box.checked; redraw(); } });
    box.checked = trials.byRun = trials.byRun ?? true;
    children.push(make("label", { class: "check" }, box, "colour by run"));
  }
  if (data.metrics.length && trials.all.length > 1) children.push(legend());
  children.push(make("button", { type: "button", onclick: () => { trials.filter = ""; filter.value = ""; trials.ranges.clear(); trials.tell("filter"); } }, "Show all"), count);
  const typed = document.activeElement?.type === "search" ? document.activeElement.selectionStart : null;
  form.replaceChildren(...children);
  if (typed !== null) {
    filter.focus();
    filter.setSelectionRange(typed, typed);
  }
  form.onsubmit = (event) => event.preventDefault();
  trials.counted = () => {
    const problem = trials.select();
    filter.setAttribute("aria-invalid", String(Boolean(problem)));
    count.textContent = problem || `${trials.visible.length.toLocaleString("en")} of ${counted(trials.all.length, "trial")}`;
  };
  trials.counted();
}

function legend() {
  const canvas = make("canvas", { width: 110, height: 10, role: "img", "aria-label": "Colours from the worst trial to the best" });
  trials.legend = () => {
    const pen = canvas.getContext("2d");
    for (let x = 0; x < 110; x += 1) { pen.fillStyle = rampColour(x / 109); pen.fillRect(x, 0, 1, 10); }
  };
  trials.legend();
  return make("span", { class: "legend" }, "worst", canvas, "best");
}

function section(id, title, part, { size = "", hint = "" } = {}) {
  if (!part) return null;
  plots.push(...(part.plots ?? []));
  return make("section", { id, class: size, "aria-labelledby": `${id}-title` },
    make("div", { class: "head" }, make("h2", { id: `${id}-title` }, title), make("div", { class: "options" }, ...(part.options ?? []))),
    part.element, hint ? make("p", { class: "hint" }, hint) : null);
}

function sections() {
  const { data } = trials;
  plots = [];
  table = trialTable(trials);
  const has = { trials: trials.all.length > 1, metrics: data.metrics.length > 0, parameters: data.parameters.length > 0 };
  const many = has.trials && has.metrics;
  const importance = many && data.parameters.length > 1 ? importanceBars() : null;
  const hasCurves = data.series.length > 0;
  const shownSections = [
    data.runs.length > 1 ? section("runs", "Runs", { element: comparisonTable() }) : null,
    hasCurves ? section("curves", "Learning curves", learningCurves(trials), { size: many ? "half" : "" }) : null,
    many ? section("history", "Best so far", history(trials), { size: hasCurves ? "half" : "" }) : null,
    many && has.parameters ? section("parallel", "Parallel coordinates", parallelCoordinates(trials), { hint: "Drag along an axis to keep a range, press on it to release." }) : null,
    importance ? section("importance", "Importance", { element: importance }, { size: "third" }) : null,
    many && has.parameters ? section("slices", "Slices", slices(trials), { size: importance ? "rest" : "" }) : null,
    many && data.parameters.length > 1 ? section("contour", "Two parameters", contour(trials), { size: data.metrics.length > 1 ? "half" : "", hint: "Between trials: the mean rank of those nearby. Where there are none, it is a guess." }) : null,
    has.trials && data.metrics.length > 1 ? section("pareto", "Two objectives", pareto(trials), { size: data.parameters.length > 1 ? "half" : "" }) : null,
    section("timeline", "Time line", timeline(trials), { hint: "Lanes hold jobs that follow one another; which node ran a job, the service does not say." }),
    section("trials", "Trials", { element: table.element }),
    data.failures.length ? section("failures", "Not as expected", { element: failures() }) : null,
    section("environment", "Environment and cost", { element: environment() }),
  ];
  document.getElementById("main").replaceChildren(...shownSections.filter((one) => one));
  document.getElementById("footer").replaceChildren(
    make("p", { id: "keys" }, "Charts: arrow keys go through the trials, the best first; Enter chooses one, Escape leaves it."),
    make("p", {}, `Written ${new Date(data.generated).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })} by batchai-harness${data.live ? "; the page follows the run" : ""}.`));
  choice();
}

function importanceBars() {
  const box = make("div");
  const fill = () => {
    const found = own(trials.data.importance, trials.objective);
    if (!found) {
      box.replaceChildren(make("p", { class: "muted small" }, "Not known: it takes eight trials that reached a value, and for a metric that is not among the first three harness report --goal."));
      return;
    }
    const bars = Object.entries(found.shares).slice(0, 20).flatMap(([name, share]) => [
      make("span", { class: "name", title: name }, name),
      make("meter", { min: 0, max: 1, value: share, "aria-label": `Importance of ${name}` }),
      make("span", {}, `${Math.round(share * 100)} %`)]);
    box.replaceChildren(make("div", { class: "bars" }, ...bars), make("p", { class: "hint" }, `For ${trials.objective}, by ${found.method}.`));
  };
  fill();
  trials.importance = fill;
  return box;
}

function comparisonTable() {
  const names = ["run", "scenario", "trials", "not as expected", `best ${trials.objective}`, "median", "time"];
  const value = trials.metric(trials.objective);
  const rows = trials.data.runs.map((run, index) => {
    const own = trials.all.filter((trial) => trial.run === index);
    const reached = trials.ranked.filter((trial) => trial.run === index).map(value);
    const cells = [run.scenario, own.length, own.filter((trial) => !trial.met).length, reached.length ? shown(reached[0]) : "–", reached.length ? shown(reached[reached.length >> 1]) : "–", duration(run.seconds)];
    const key = make("span", { class: "key", "aria-hidden": "true" });
    key.style.background = palette.runs[index % palette.runs.length];
    return make("tr", {}, make("th", { scope: "row" }, key, runLabel(trials.data.runs, index)), ...cells.map((text) => make("td", {}, String(text))));
  });
  return make("div", { class: "scroll" }, make("table", { class: "compare" }, make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...rows)));
}

function failures() {
  return make("div", {}, ...trials.data.failures.map((group, index) => make("details", { open: index === 0 },
    make("summary", {}, make("span", { class: "badge" }, counted(group.count, "trial")), group.reason || "no reason was given", group.exit === null ? "" : make("span", { class: "muted small" }, `  exit code ${group.exit}`)),
    group.tail ? make("div", {}, make("p", { class: "hint" }, `The end of ${group.log} of ${trials.all[group.trials[0]].id}`), make("pre", { tabindex: "0" }, group.tail)) : make("p", { class: "hint" }, "There is no log."),
    make("p", { class: "hint" }, `${group.trials.slice(0, 10).map((at) => trials.all[at].id).join("; ")}${group.count > 10 ? `; and ${group.count - 10} more` : ""}`))));
}

function environment() {
  return make("div", { class: "groups" }, ...trials.data.runs.map((run, index) => make("div", {},
    make("h3", {}, runLabel(trials.data.runs, index)),
    pairs([
      ["cloud", run.cloud.join(", ")], ["service", run.service.join(", ")], ["region", run.location],
      ["nodes", run.nodes === null ? "" : `${run.nodes} of ${run.vm_size || "several sizes"}, ${run.job_nodes ?? "a swept number"} for a job`],
      ["data", run.data.join(", ")], ["toolkit", run.toolkit.join(", ")],
      ["node-hours of jobs", run.job_hours === null ? "" : shown(run.job_hours)], ["of the cluster", run.cluster_hours === null ? "" : `${shown(run.cluster_hours)} while jobs ran`],
      ["price of a node-hour", isNumber(run.price) ? `$${shown(run.price)}, list price or setting vm_price` : ""],
      ...Object.entries(run.versions)]))),
    Object.keys(trials.data.constants).length ? make("div", {}, make("h3", {}, "The same in all trials"), pairs(Object.entries(trials.data.constants).map(([name, value]) => [name, shown(value)]))) : "");
}

function redraw() { for (const plot of plots) schedule(plot, "all"); }

function changed() {
  trials.counted();
  header();
  trials.importance?.();
  table.fill();
  redraw();
}

function choice() {
  document.getElementById("details")?.remove();
  const made = details(trials);
  if (made) document.getElementById("trials").before(made);
}

trials.on((what) => {
  if (what === "focus") {
    for (const plot of plots) schedule(plot, "focus");
    table.mark();
  } else if (what === "choice") {
    choice();
  } else {
    trials.counted();
    table.fill();
    redraw();
  }
});
dark.addEventListener("change", () => { palette = readPalette(); trials.legend?.(); redraw(); });
window.addEventListener("scroll", hideTip, { passive: true });

// What changes most often, what runs, is drawn by itself: the rest keeps its focus and its place.
function follow() {
  let mark = "";
  const rest = ({ running, generated, ...others }) => JSON.stringify(others);
  let known = rest(trials.data);
  const take = (data) => {
    runningNow(data.running);
    if (rest(data) === known) return;
    known = rest(data);
    trials.replace(data);
    header();
    controls();
    sections();
  };
  const look = async () => {
    try {
      const answer = await fetch("data.json", { headers: mark ? { "If-None-Match": mark } : {}, cache: "no-store" });
      if (answer.status === 200) {
        mark = answer.headers.get("ETag") ?? "";
        take(await answer.json());
      }
    } catch {
      say("The server of this page does not answer.");
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}

header();
controls();
sections();
if (trials.data.live) {
  runningNow(trials.data.running);
  follow();
}
