// Colours of the page's style, which differ in light and dark; canvases are drawn anew when that changes.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let palette = readPalette();

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["card", "text", "muted", "line", "grid", "accent", "focus", "good", "bad"];
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const found = Object.fromEntries(names.map((name) => [name, read(name)]));
  found.ramp = [0, 1, 2, 3, 4].map((index) => components(read(`ramp${index}`)));
  found.runs = [0, 1, 2, 3, 4, 5].map((index) => read(`run${index}`));
  return found;
}

function components(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

// From 0, the worst, to 1, the best.
function ramp(share) {
  const place = Math.min(1, Math.max(0, share)) * (palette.ramp.length - 1);
  const index = Math.min(palette.ramp.length - 2, Math.floor(place));
  const [from, to] = [palette.ramp[index], palette.ramp[index + 1]];
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * (place - index)));
}

const rampColour = (share) => `rgb(${ramp(share).join(" ")})`;
