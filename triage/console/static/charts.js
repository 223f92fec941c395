// Draws every <div class="chart" data-chart="{…}">: {"x": […], "time": true, "unit": "%", "series": [{"label": "…",
// "values": […], "kind": "line" | "bars" | "points", "low": […], "high": […], "dash": true}]}. `x` are seconds since
// 1970 with "time", else numbers. The same numbers stand in a table below it, for those who do not see it.
"use strict";

const COLOURS = ["--accent", "--p2", "--good", "--p1", "--p3", "--quiet"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function shown(value, unit) {
  if (value == null) return "–";
  if (unit === "%") return `${Math.round(value * 1000) / 10} %`;
  if (unit === "s") return value < 60 ? `${Math.round(value)} s` : value < 5400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 360) / 10} h`;
  return `${Math.round(value * 1000) / 1000}${unit ? ` ${unit}` : ""}`;
}

function describe(one, index, unit) {
  const line = colour(one.color ?? COLOURS[index % COLOURS.length]);
  const series = { label: one.label, stroke: line, width: 2, dash: one.dash ? [6, 5] : undefined, value: (_, v) => shown(v, unit), spanGaps: true };
  if (one.kind === "bars") return { ...series, fill: `${line}55`, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } };
  if (one.kind === "points") return { ...series, paths: () => null, points: { show: true, size: 7, fill: line } };
  return { ...series, points: { show: one.values.filter((v) => v != null).length < 60, size: 5 } };
}

function draw(place) {
  const chart = JSON.parse(place.dataset.chart);
  const data = [chart.x];
  const series = [{ label: chart.xLabel ?? (chart.time ? "Time" : "x") }];
  const bands = [];
  chart.series.forEach((one, index) => {
    data.push(one.values);
    series.push(describe(one, index, chart.unit));
    if (!one.low || !one.high) return;
    const line = colour(one.color ?? COLOURS[index % COLOURS.length]);
    const edge = { stroke: "transparent", points: { show: false }, value: (_, v) => shown(v, chart.unit) };
    data.push(one.high, one.low);
    series.push({ ...edge, label: "at most" }, { ...edge, label: "at least" });
    bands.push({ series: [data.length - 2, data.length - 1], fill: `${line}22` });
  });
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const [low, high] = chart.range ?? [null, null];
  place.replaceChildren();
  new uPlot({
    width: Math.max(place.clientWidth, 200),
    height: chart.height ?? 220,
    scales: { x: { time: Boolean(chart.time) }, y: { range: (_, min, max) => [low ?? Math.min(0, min ?? 0), high ?? (max > 0 ? max * 1.08 : 1)] } },
    axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => shown(tick, chart.unit)) }],
    series,
    bands,
    legend: { live: true },
  }, data, place);
}

function drawAll() {
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
}

drawAll();
let waiting = 0;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
document.addEventListener("htmx:afterSettle", drawAll);
