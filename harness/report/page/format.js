// Formats values, and creates elements. Text is never interpreted as markup.

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const moment = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

// An element: make("td", {class: "number"}, "text", child). Names that begin with "on" are listeners.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function selection(label, choices, value, onchange) {
  const select = make("select", { onchange: () => onchange(select.value) });
  for (const choice of choices) select.append(make("option", { value: choice, selected: choice === value }, choice));
  return make("label", {}, label, select);
}

function pairs(entries) {
  const rows = entries.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const body = rows.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)));
  return make("table", { class: "pairs small" }, make("tbody", {}, ...body));
}

// A property of the object itself: a metric may be called "constructor".
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

const say = (text) => { document.getElementById("said").textContent = text; };
