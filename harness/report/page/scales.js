// Scales: from values to 0..1 along an axis, and the ticks to draw.

const LOG_SPAN = 100; // positive values that span as much get a logarithmic scale

function numericScale(values, { log = false, padded = true, integer = false } = {}) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!isNumber(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = log ? [1, 10] : [0, 1];
  const to = log ? Math.log10 : (value) => value;
  let [begin, end] = [to(low), to(high)];
  if (begin === end) {
    const room = log ? 0.5 : Math.abs(begin) / 2 || 0.5;
    [begin, end] = [begin - room, end + room];
  } else if (padded) {
    const room = (end - begin) * 0.04;
    [begin, end] = [begin - room, end + room];
  }
  const at = (value) => (isNumber(value) && (!log || value > 0) ? (to(value) - begin) / (end - begin) : NaN);
  const ticks = (most) => (log ? logTicks(begin, end, most) : linearTicks(begin, end, most, integer))
    .map((tick) => ({ at: at(tick), label: shown(tick) })).filter((tick) => tick.at >= -1e-9 && tick.at <= 1 + 1e-9);
  return { kind: log ? "log" : "linear", at, ticks };
}

function linearTicks(begin, end, most, integer) {
  const rough = (end - begin) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  if (integer) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let index = Math.ceil(begin / step); index * step <= end && ticks.length < 50; index += 1) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

function logTicks(begin, end, most) {
  const decades = Math.floor(end) - Math.ceil(begin);
  if (decades < 1) return linearTicks(10 ** begin, 10 ** end, most, false).filter((tick) => tick > 0);
  const every = Math.max(1, Math.ceil((decades + 1) / Math.max(2, most)));
  const ticks = [];
  for (let power = Math.ceil(begin); power <= end; power += every) ticks.push(10 ** power);
  return ticks;
}

function categoryScale(values) {
  const names = [...new Set(values.map(shown))].sort((first, second) => first.localeCompare(second, "en", { numeric: true }));
  const places = new Map(names.map((name, index) => [name, (index + 0.5) / names.length]));
  const at = (value) => places.get(shown(value)) ?? NaN;
  const ticks = (most) => {
    const every = Math.ceil(names.length / Math.max(1, most));
    return names.filter((_, index) => index % every === 0).map((name) => ({ at: places.get(name), label: name }));
  };
  return { kind: "category", at, ticks };
}

// The scale of a parameter or a metric, by what it holds.
function scaleOf(values) {
  const present = values.filter((value) => value !== null && value !== undefined);
  const numbers = present.filter(isNumber);
  const words = present.filter((value) => !isNumber(value) && !["nan", "inf", "-inf"].includes(value));
  if (words.length || !numbers.length) return categoryScale(present.length ? present : ["–"]);
  const low = numbers.reduce((least, value) => Math.min(least, value), Infinity);
  const high = numbers.reduce((most, value) => Math.max(most, value), -Infinity);
  const distinct = new Set(numbers).size;
  if (distinct > 1 && distinct <= 6 && distinct * 2 <= numbers.length) return categoryScale(numbers); // a grid's values
  return numericScale(numbers, { log: low > 0 && high / low >= LOG_SPAN });
}
