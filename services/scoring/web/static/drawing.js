// Small drawings in table cells: the way from baseline to goal, and the values of the year.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const clamp = (share) => Math.min(1, Math.max(0, share));

/** A bar from the baseline to the goal, with a mark at what the path asks for today. */
export function bar({ baseline, goal, value, required, status }, words) {
  const from = baseline ?? 0;
  const share = (number) => clamp((number - from) / (goal - from));
  const parts = [svg("rect", { class: "way", width: 100, height: 10, rx: 2 }), svg("rect", { class: `done ${status}`, width: 100 * share(value), height: 10, rx: 2 })];
  if (required !== null) parts.push(svg("rect", { class: "mark", x: Math.min(98.5, 100 * share(required)), y: -3, width: 1.5, height: 16 }));
  return svg("svg", { class: "bar-of-way", viewBox: "0 -3 100 16", preserveAspectRatio: "none", role: "img", "aria-label": words }, ...parts);
}

/** A line of values over the year, with the path below it, dashed. */
export function sparkline(points, words) {
  const numbers = points.flatMap((point) => [point.value, point.required]).filter((number) => number !== null);
  if (points.filter((point) => point.value !== null).length < 2) return null;
  const low = Math.min(...numbers);
  const span = Math.max(...numbers) - low || 1;
  const line = (name) => points
    .map((point, at) => [at, point[name]])
    .filter(([, number]) => number !== null)
    .map(([at, number]) => `${(100 * at) / (points.length - 1)},${30 - (28 * (number - low)) / span}`)
    .join(" ");
  return svg("svg", { class: "sparkline", viewBox: "0 0 100 32", preserveAspectRatio: "none", role: "img", "aria-label": words },
    svg("polyline", { class: "path", points: line("required") }), svg("polyline", { class: "values", points: line("value") }));
}
