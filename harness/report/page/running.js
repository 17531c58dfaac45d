// The running trials on a page that follows a run, with the last value of each metric that has steps.

const MOST_RUNNING = 100;

function runningNow(running) {
  const element = document.getElementById("running");
  element.hidden = running.length === 0;
  const names = [...new Set(running.flatMap((trial) => Object.keys(trial.metrics)))];
  const now = Date.now() / 1000;
  const head = ["trial", "state", "for", ...names].map((name) => make("th", { scope: "col" }, name));
  const rows = running.slice(0, MOST_RUNNING).map((trial) => make("tr", {},
    make("th", { scope: "row" }, trial.id),
    make("td", {}, trial.state),
    make("td", { class: "number" }, duration(Math.max(0, Math.round(now - trial.since)))),
    ...names.map((name) => make("td", { class: "number" }, liveValue(own(trial.metrics, name))))));
  const hiddenCount = running.length - rows.length;
  element.replaceChildren(
    make("div", { class: "head" }, make("h2", { id: "running-title" }, `Running now: ${counted(running.length, "trial")}`)),
    make("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Trials that run now" },
      make("table", { class: "running" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))),
    hiddenCount > 0 ? make("p", { class: "hint" }, `and ${hiddenCount.toLocaleString("en")} more`) : "",
  );
}

const liveValue = (metric) => (metric ? `${shown(metric.value)} (step ${metric.step})` : "–");
