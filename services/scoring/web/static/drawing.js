// Small drawings in table cells: the way from baseline to goal, and the values of the year.

const SVG = "http://www.w3.org/2000/svg";

/** An element of a drawing; its words are text, never markup. */
export function svg(tag, attributes, ...children) {
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

const WIDTHS = { wide: 640, phone: 300 }; // in the pixels of the screen, so that a phone shows the words in their size
const HEIGHT = 190;
const EDGE = { left: 8, right: 72, top: 14, bottom: 26 };

/** A chart of a measure over time: values (provisional ones hollow), the path with the band of what is tolerated, and the
 * goal; each line with its number. Values before and after a break in the series are not joined, nor are their paths. */
export function chart(points, amount, day, words) {
  const numbers = points.flatMap((point) => [point.value, point.required, point.tolerated, point.goal]).filter((number) => number !== null);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const width = WIDTHS[matchMedia("(max-width: 46rem)").matches ? "phone" : "wide"];
  const [first, last] = [Date.parse(points[0].on), Date.parse(points.at(-1).on)];
  const x = ({ on }) => EDGE.left + ((width - EDGE.left - EDGE.right) * (Date.parse(on) - first)) / (last - first || 1);
  const y = (number) => HEIGHT - EDGE.bottom - ((HEIGHT - EDGE.top - EDGE.bottom) * (number - low)) / (high - low || 1);
  const having = (name, some) => some.filter((point) => point[name] !== null);
  const corners = (name, some) => some.map((point) => `${x(point)},${y(point[name])}`);
  const line = (name, kind, some = points) => svg("polyline", { class: kind, points: corners(name, having(name, some)).join(" ") });
  const band = (some) => svg("polygon", { class: "band", points: [...corners("required", some), ...corners("tolerated", some).reverse()].join(" ") });
  const parts = ofEachSeries(points);
  const dots = having("value", points).map((point) => svg("circle", { class: point.provisional ? "dot hollow" : "dot", cx: x(point), cy: y(point.value), r: 4 }));
  const labels = [["value", "values"], ["required", "path"], ["goal", "goal"]]
    .map(([name, kind]) => [having(name, points).at(-1)?.[name], kind])
    .filter(([number]) => number !== undefined)
    .map(([number, kind]) => ({ at: y(number) + 4, text: amount(number), kind }))
    .sort((one, other) => one.at - other.at);
  labels.forEach((label, at) => at && (label.at = Math.max(label.at, labels[at - 1].at + 15))); // none covers another
  const days = [[points[0], "start"], [points.at(-1), "end"]];
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": words },
    ...parts.map((some) => band(having("tolerated", some))), line("goal", "goal"),
    ...parts.map((some) => line("required", "path", some)), ...parts.map((some) => line("value", "values", some)), ...dots,
    ...labels.map((label) => svg("text", { class: label.kind, x: width - EDGE.right + 10, y: label.at }, label.text)),
    ...days.map(([point, anchor]) => svg("text", { class: "day", x: x(point), y: HEIGHT - 6, "text-anchor": anchor }, day(point.on))));
}

/** The points of each series of figures: a break begins a new one. */
function ofEachSeries(points) {
  const series = new Map();
  for (const point of points) {
    const since = point.break_in_series?.valid_from;
    series.set(since, [...(series.get(since) ?? []), point]);
  }
  return [...series.values()];
}
