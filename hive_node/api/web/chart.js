// The metric over the ideas: each measured value, the champion's path, and how far one run of the same code may lie from it.

import { h, s } from "./dom.js";
import { count, number, share } from "./words.js";

const HEIGHT = 260;
const MARGIN = { top: 12, right: 12, bottom: 28, left: 64 };
const TICKS = 4;
// Above so many ideas a column of the picture holds several: then each column shows its range.
const MOST_DOTS = 1_500;
// Values far from all others (a crash that cost a hundred times as much) would press the rest into a line.
const TAIL = 0.02;

export class Chart {
  #course = null;

  constructor() {
    this.element = h("figure", { class: "chart" });
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** course: numbers, values, outcomes (in columns), path, baseline, noise. */
  show(course) {
    this.#course = course;
    this.#draw();
  }

  #draw() {
    const course = this.#course;
    const width = this.element.clientWidth;
    if (!course || !width) return;
    if (course.baseline === null) {
      this.element.replaceChildren(h("p", { class: "soft" }, "The baseline is not measured yet."));
      return;
    }
    const steps = standing(course);
    const scale = scales(course, steps, width);
    const picture = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": inWords(course, steps) },
      axes(scale, width), band(course, steps, scale), dots(course, scale), champion(steps, scale), marks(steps, scale));
    this.element.replaceChildren(picture, legend(course, scale));
  }
}

/** The champion's values: [{idea, value}], what was taken back left out. */
function standing(course) {
  return course.path.filter((one) => !one.is_reverted && one.value !== null);
}

function scales(course, steps, width) {
  const spread = course.noise ?? 0;
  const measured = course.values.filter((value) => value !== null).sort((one, other) => one - other);
  const inner = measured.slice(Math.floor(measured.length * TAIL), Math.ceil(measured.length * (1 - TAIL)));
  const wanted = steps.flatMap(({ value }) => [value - Math.abs(value) * spread, value + Math.abs(value) * spread]);
  if (inner.length) wanted.push(inner[0], inner.at(-1));
  let [low, high] = [Math.min(...wanted), Math.max(...wanted)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - room, high + room];
  const last = Math.max(1, course.last);
  const across = width - MARGIN.left - MARGIN.right;
  const down = HEIGHT - MARGIN.top - MARGIN.bottom;
  return {
    low, high, last,
    x: (idea) => MARGIN.left + (idea / last) * across,
    y: (value) => MARGIN.top + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low)) * down,
    beyond: measured.filter((value) => value < low || value > high).length,
  };
}

function axes(scale, width) {
  const shares = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  return s("g", { class: "axes" },
    shares.map((share) => {
      const value = scale.low + share * (scale.high - scale.low);
      const y = scale.y(value);
      return [s("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }), s("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, number(value))];
    }),
    [...new Set(shares.map((share) => Math.round(share * scale.last)))].map((idea) =>
      s("text", { x: scale.x(idea), y: HEIGHT - 8, "text-anchor": idea === scale.last ? "end" : "middle" }, String(idea))));
}

function band(course, steps, scale) {
  if (!course.noise) return null;
  const corners = stairs(steps, scale);
  const edge = (sign) => corners.map(([idea, value]) => `${scale.x(idea)},${scale.y(value + sign * Math.abs(value) * course.noise)}`);
  return s("polygon", { class: "band", points: [...edge(1), ...edge(-1).reverse()].join(" ") });
}

function champion(steps, scale) {
  return s("polyline", { class: "champion", points: stairs(steps, scale).map(([idea, value]) => `${scale.x(idea)},${scale.y(value)}`).join(" ") });
}

function stairs(steps, scale) {
  return steps.flatMap(({ idea, value }, index) => [[idea, value], [steps[index + 1]?.idea ?? scale.last, value]]);
}

function dots(course, scale) {
  return course.numbers.length > MOST_DOTS ? ranges(course, scale) : course.numbers.map((idea, index) =>
    course.values[index] !== null && course.outcomes[index] !== "promoted" &&
      s("circle", { class: `dot-${course.outcomes[index]}`, cx: scale.x(idea), cy: scale.y(course.values[index]), r: 2.6 }));
}

function ranges(course, scale) {
  const columns = new Map();
  course.numbers.forEach((idea, index) => {
    if (course.values[index] === null) return;
    const x = Math.round(scale.x(idea));
    const y = scale.y(course.values[index]);
    const [top, bottom] = columns.get(x) ?? [y, y];
    columns.set(x, [Math.min(top, y), Math.max(bottom, y)]);
  });
  return s("path", { class: "ranges", d: [...columns].map(([x, [top, bottom]]) => `M${x} ${top - 1}V${bottom + 1}`).join("") });
}

function marks(steps, scale) {
  return steps.slice(1).map(({ idea, value }) => {
    const [x, y] = [scale.x(idea), scale.y(value)];
    return s("path", { class: "promoted", d: `M${x} ${y - 5}L${x + 5} ${y}L${x} ${y + 5}L${x - 5} ${y}Z` });
  });
}

function legend(course, scale) {
  return h("figcaption", { class: "legend" },
    h("span", { class: "key champion" }, "champion"), h("span", { class: "key promoted" }, "promoted"), h("span", { class: "key rejected" }, "measured, not promoted"),
    course.noise ? h("span", { class: "key band" }, `noise of one run, ${share(course.noise)}`) : h("span", {}, "the metric repeats itself: no noise"),
    scale.beyond > 0 && h("span", {}, `${count(scale.beyond, "value")} beyond the picture, drawn at its edge`));
}

function inWords(course, steps) {
  const now = steps.at(-1).value;
  return `From ${number(course.baseline)} to ${number(now)} over ${count(course.last, "idea")}, ${count(steps.length - 1, "promotion")}.`;
}
