// The table of trials, sorted by a column, with a page of rows at a time; and the details of one trial.

const PAGE = 50; // rows

function trialTable(trials) {
  const { parameters, metrics, runs } = trials.data;
  const columns = [];
  if (runs.length > 1) columns.push({ name: "run", read: (trial) => runLabel(runs, trial.run) });
  if (!parameters.length) columns.push({ name: "trial", read: (trial) => trial.id });
  parameters.forEach((name, index) => columns.push({ name, read: (trial) => trial.p[index] }));
  metrics.forEach((name, index) => columns.push({ name, read: (trial) => trial.m[index] }));
  columns.push({ name: "state", read: (trial) => trial.state });
  if (trials.all.some((trial) => trial.exit)) columns.push({ name: "exit", read: (trial) => trial.exit });
  columns.push({ name: "running", read: (trial) => trial.running, show: duration });
  columns.push({ name: "expected", read: (trial) => trial.met });
  for (const column of columns) column.isNumber = trials.all.some((trial) => typeof column.read(trial) === "number");

  const before = trials.choices.get("table") ?? { name: "", sign: 1, page: 0 };
  let sorted = { column: columns.find((column) => column.name === before.name) ?? null, sign: before.sign };
  let page = before.page;
  const head = make("tr");
  const body = make("tbody");
  const pager = make("div", { class: "pager" });
  const table = make("table", { class: "trials" }, make("caption", { class: "unseen" }, "Trials, sorted by the pressed heading"), make("thead", {}, head), body);
  const rows = new Map();

  columns.forEach((column) => {
    const mark = make("span", { "aria-hidden": "true" });
    const button = make("button", { type: "button", title: `Sort by ${column.name}`, onclick: () => {
      sorted = { column, sign: sorted.column === column ? -sorted.sign : 1 };
      page = 0;
      fill();
    } }, column.name, mark);
    column.mark = mark;
    column.cell = make("th", { scope: "col", class: column.isNumber ? "number" : "", "aria-sort": "none" }, button);
    head.append(column.cell);
  });

  function order() {
    if (!sorted.column) return trials.order;
    const { column: { read }, sign } = sorted;
    const rank = (value) => (isNumber(value) || typeof value === "boolean" ? 0 : typeof value === "string" && !["nan", "inf", "-inf"].includes(value) ? 1 : 2);
    return [...trials.visible].sort((first, second) => {
      const [a, b] = [read(first), read(second)];
      if (rank(a) !== rank(b)) return rank(a) - rank(b);
      if (rank(a) === 0) return sign * (a - b);
      return rank(a) === 1 ? sign * a.localeCompare(b, "en", { numeric: true }) : 0;
    });
  }

  function fill() {
    for (const column of columns) {
      const isSorted = sorted.column === column;
      column.cell.setAttribute("aria-sort", isSorted ? (sorted.sign > 0 ? "ascending" : "descending") : "none");
      column.mark.textContent = isSorted ? (sorted.sign > 0 ? " ▲" : " ▼") : "";
    }
    const ordered = order();
    const pages = Math.max(1, Math.ceil(ordered.length / PAGE));
    page = Math.min(page, pages - 1);
    trials.pick("table", { name: sorted.column?.name ?? "", sign: sorted.sign, page });
    rows.clear();
    body.replaceChildren(...ordered.slice(page * PAGE, (page + 1) * PAGE).map(row));
    const turn = (by) => () => { page += by; fill(); };
    pager.replaceChildren(
      make("button", { type: "button", disabled: page === 0, onclick: turn(-1) }, "Previous"),
      make("button", { type: "button", disabled: page + 1 >= pages, onclick: turn(1) }, "Next"),
      make("span", { class: "muted small" }, ordered.length ? `${page * PAGE + 1} to ${Math.min(ordered.length, (page + 1) * PAGE)} of ${counted(ordered.length, "trial")}` : "no trial passes the filter"),
    );
    mark();
  }

  function row(trial) {
    const cells = columns.map((column, index) => {
      const value = column.read(trial);
      const text = column.show ? column.show(value) : shown(value);
      const colour = column.name === "expected" ? (value ? "good" : "bad") : "";
      const cell = make("td", { class: `${column.isNumber ? "number" : ""} ${colour}`, title: text.length > 40 ? text : null });
      if (index) cell.append(text);
      else cell.append(make("button", { type: "button", "aria-label": `Details of ${summary(trials, trial)}`, onclick: (event) => { event.stopPropagation(); trials.choose(trial.index); } }, text));
      return cell;
    });
    const element = make("tr", { onmouseenter: () => trials.hover(trial.index), onmouseleave: () => trials.hover(NOTHING), onclick: () => trials.choose(trial.index) }, ...cells);
    element.dataset.trial = trial.index;
    rows.set(trial.index, element);
    return element;
  }

  function mark() {
    for (const [index, element] of rows) {
      element.classList.toggle("hovered", index === trials.hovered);
      element.classList.toggle("chosen", index === trials.chosen);
      element.setAttribute("aria-current", String(index === trials.chosen));
    }
  }

  fill();
  return { element: make("div", {}, make("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Trials" }, table), pager), fill, mark };
}

function details(trials) {
  const trial = trials.all[trials.chosen];
  if (!trial) return null;
  const { data } = trials;
  const run = data.runs[trial.run];
  const result = [
    ["state", `${trial.state}${trial.exit === null ? "" : `, exit code ${trial.exit}`}`],
    ["as expected", trial.met ? "yes" : "no"],
    ...(trial.violated.length ? [["outside of constraints", trial.violated.join(", ")]] : []),
    ...data.metrics.map((name, index) => [name, shown(trial.m[index])]),
    ["queued", duration(trial.queued)], ["running", duration(trial.running)],
    ["started", isNumber(trial.begin) ? moment(trial.begin) : ""],
    ["files", `${run.name}/${trial.directory}`],
  ];
  const parameters = [...data.parameters.map((name, index) => [name, shown(trial.p[index])]), ...Object.entries(data.constants).map(([name, value]) => [name, shown(value)])];
  const messages = [...trial.unmet, ...trial.errors].map((text) => make("li", {}, text));
  return make("section", { id: "details", "aria-label": "The chosen trial" },
    make("div", { class: "head" }, make("h2", {}, trial.id), make("button", { type: "button", onclick: () => trials.choose(trial.index) }, "Close")),
    make("div", { class: "groups" }, make("div", {}, make("h3", {}, "Result"), pairs(result)), make("div", {}, make("h3", {}, "Parameters"), pairs(parameters))),
    messages.length ? make("ul", { class: "small" }, ...messages) : null);
}
