// The page: header, controls and sections; and updates of a run that is in progress.

const trials = new Trials(JSON.parse(document.getElementById("data").textContent));
let plots = [];
let table = null;

function header() {
  const { data } = trials;
  const scenarios = [...new Set(data.runs.map((run) => run.scenario))];
  const run = data.runs[0];
  const description = data.runs.length === 1
    ? [run.description, run.started && new Date(run.started).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }), run.cloud.join(", "), run.service.join(", "), run.name]
    : [`${data.runs.length} runs in comparison`];
  const failed = trials.all.filter((trial) => !trial.met).length;
  const seconds = data.runs.map((run) => run.seconds).filter(isNumber);
  const tiles = [
    ["Trials", trials.all.length.toLocaleString("en"), failed ? `${failed} not as expected` : trials.all.length ? "all as expected" : "no trial has ended yet", failed ? "bad" : ""],
    bestTile(),
    ["Time", seconds.length ? duration(seconds.reduce((sum, value) => sum + value, 0)) : "–", run && run.nodes !== null ? `${counted(run.nodes, "node")} of ${run.vm_size || "several sizes"}` : ""],
    costTile(),
  ].filter((tile) => tile);
  document.getElementById("header").replaceChildren(
    make("h1", {}, scenarios.join(", ") || "No trials"),
    make("p", { class: "about" }, description.filter((text) => text).join("  ·  ")),
    make("div", { class: "tiles" }, ...tiles.map(([name, value, note, kind]) => make("div", { class: name.startsWith("Best") ? "tile wide" : "tile" },
      make("div", { class: "name" }, name), make("div", { class: "value" }, value), make("div", { class: `note ${kind ?? ""}` }, note)))),
  );
  document.title = `${scenarios.join(", ") || "no trials"} – ${data.runs.map((run) => run.name).join(", ")}`;
}

function bestTile() {
  const trial = trials.best;
  if (!trials.objective) return null;
  if (!trial) return [`Best ${trials.objective}`, "–", "no trial has reached a value"];
  const parameters = trials.data.parameters.map((name, index) => `${name} ${shown(trial.p[index])}`).join(", ");
  return [`Best ${trials.objective} (${trials.direction})`, shown(trials.metric(trials.objective)(trial)), parameters || trial.id];
}

function costTile() {
  const { runs } = trials.data;
  const nodeHours = runs.map((run) => run.cluster_hours ?? run.job_hours);
  const hours = nodeHours.reduce((sum, value) => sum + value, 0);
  if (!hours || !nodeHours.every(isNumber)) return null;
  const priced = runs.every((run) => isNumber(run.price));
  const money = runs.reduce((sum, run, index) => sum + (run.price ?? 0) * nodeHours[index], 0);
  const isPaid = runs.every((run) => run.cloud.includes("azure"));
  const note = priced ? (isPaid ? `${shown(hours)} node-hours at list price` : `nothing; ${shown(hours)} node-hours on Azure at list price`) : "price unknown";
  return ["Cost", priced ? `${isPaid ? "" : "≈ "}$${money < 0.01 ? shown(money) : money.toFixed(2)}` : `${shown(hours)} h`, note];
}

function controls() {
  const { data } = trials;
  const form = document.getElementById("controls");
  const count = make("output", { class: "count" });
  const filter = make("input", { type: "search", value: trials.filter, placeholder: "learning_rate<0.01 state=failed adam", spellcheck: "false", autocomplete: "off",
    oninput: () => { trials.filter = filter.value; trials.notify("filter"); } });
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
  children.push(make("button", { type: "button", onclick: () => { trials.filter = ""; filter.value = ""; trials.ranges.clear(); trials.notify("filter"); } }, "Show all"), count);
  const cursor = document.activeElement?.type === "search" ? document.activeElement.selectionStart : null;
  form.replaceChildren(...children);
  if (cursor !== null) {
    filter.focus();
    filter.setSelectionRange(cursor, cursor);
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
    many && data.parameters.length > 1 ? section("contour", "Two parameters", contour(trials), { size: data.metrics.length > 1 ? "half" : "", hint: "Between trials: the mean rank of nearby trials; far from any trial it is a guess." }) : null,
    has.trials && data.metrics.length > 1 ? section("pareto", "Two objectives", pareto(trials), { size: data.parameters.length > 1 ? "half" : "" }) : null,
    section("timeline", "Time line", timeline(trials), { hint: "Lanes hold consecutive jobs; the service does not report which node ran a job." }),
    section("trials", "Trials", { element: table.element }),
    data.failures.length ? section("failures", "Not as expected", { element: failures() }) : null,
    section("environment", "Environment and cost", { element: environment() }),
  ];
  document.getElementById("main").replaceChildren(...shownSections.filter((item) => item));
  document.getElementById("footer").replaceChildren(
    make("p", { id: "keys" }, "Charts: arrow keys go through the trials, the best first; Enter chooses one, Escape leaves it."),
    make("p", {}, `Written ${new Date(data.generated).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })} by batchai-harness${data.live ? "; the page follows the run" : ""}.`));
  choice();
}

function importanceBars() {
  const box = make("div");
  const fill = () => {
    const importance = own(trials.data.importance, trials.objective);
    if (!importance) {
      box.replaceChildren(make("p", { class: "muted small" }, "Unknown: it needs eight trials with a value; for a metric after the first three, use harness report --goal."));
      return;
    }
    const bars = Object.entries(importance.shares).slice(0, 20).flatMap(([name, share]) => [
      make("span", { class: "name", title: name }, name),
      make("meter", { min: 0, max: 1, value: share, "aria-label": `Importance of ${name}` }),
      make("span", {}, `${Math.round(share * 100)} %`)]);
    box.replaceChildren(make("div", { class: "bars" }, ...bars), make("p", { class: "hint" }, `For ${trials.objective}, by ${importance.method}.`));
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
    make("p", { class: "hint" }, `${group.trials.slice(0, 10).map((index) => trials.all[index].id).join("; ")}${group.count > 10 ? `; and ${group.count - 10} more` : ""}`))));
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
  const element = details(trials);
  if (element) document.getElementById("trials").before(element);
}

trials.on((event) => {
  if (event === "focus") {
    for (const plot of plots) schedule(plot, "focus");
    table.mark();
  } else if (event === "choice") {
    choice();
  } else {
    trials.counted();
    table.fill();
    redraw();
  }
});
dark.addEventListener("change", () => { palette = readPalette(); trials.legend?.(); redraw(); });
window.addEventListener("scroll", hideTip, { passive: true });

// Running trials change most often and are drawn separately, so that the rest keeps its focus and scroll position.
function follow() {
  let etag = "";
  const content = ({ running, generated, ...remainder }) => JSON.stringify(remainder);
  let shownContent = content(trials.data);
  const update = (data) => {
    runningNow(data.running);
    if (content(data) === shownContent) return;
    shownContent = content(data);
    trials.replace(data);
    header();
    controls();
    sections();
  };
  const poll = async () => {
    try {
      const response = await fetch("data.json", { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
      if (response.status === 200) {
        etag = response.headers.get("ETag") ?? "";
        update(await response.json());
      }
    } catch {
      say("The server of this page does not answer.");
    }
    setTimeout(poll, 2000);
  };
  setTimeout(poll, 2000);
}

header();
controls();
sections();
if (trials.data.live) {
  runningNow(trials.data.running);
  follow();
}
