// Colours of the page's style, which differ in light and dark; canvases are drawn again when that changes.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let palette = readPalette();

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["card", "text", "muted", "line", "grid", "accent", "focus", "good", "bad"];
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const colours = Object.fromEntries(names.map((name) => [name, read(name)]));
  colours.ramp = [0, 1, 2, 3, 4].map((index) => components(read(`ramp${index}`)));
  colours.runs = [0, 1, 2, 3, 4, 5].map((index) => read(`run${index}`));
  return colours;
}

function components(hex) {
  return [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
}

// The colour components of a share from 0 (worst) to 1 (best).
function ramp(share) {
  const position = Math.min(1, Math.max(0, share)) * (palette.ramp.length - 1);
  const index = Math.min(palette.ramp.length - 2, Math.floor(position));
  const [from, to] = [palette.ramp[index], palette.ramp[index + 1]];
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * (position - index)));
}

const rampColour = (share) => `rgb(${ramp(share).join(" ")})`;
