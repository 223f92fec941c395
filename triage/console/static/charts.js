// Draws every <div class="chart" data-chart="{…}">: {"x": […], "time": true, "unit": "%", "series": [{"label": "…",
// "values": […], "kind": "line" | "bars" | "points", "low": […], "high": […], "dash": true}]}. `x` are seconds since
// 1970 with "time", else numbers; with "labels": […] they are places of these words. "xUnit", "xLabel", "yLabel",
// "range": [low, high], "xRange": [low, high], "height". `low` and `high` are drawn as a band around a line and as
// whiskers at points. The same numbers stand in a table below it, for those who do not see it.
"use strict";

const SPANS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 345600, 604800];
const COLOURS = ["--accent", "--p2", "--good", "--p1", "--p3", "--quiet"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function shown(value, unit) {
  if (value == null) return "–";
  if (unit === "%") return `${Math.round(value * 1000) / 10} %`;
  if (unit === "s") return value < 60 ? `${Math.round(value)} s` : value < 5400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 360) / 10} h`;
  return `${(Math.round(value * 1000) / 1000).toLocaleString("en")}${unit ? ` ${unit}` : ""}`;
}

function describe(one, index, unit) {
  const line = colour(one.color ?? COLOURS[index % COLOURS.length]);
  const value = (_, v, at, i) => (one.low && i != null && v != null ? `${shown(v, unit)} (${shown(one.low[i], unit)} – ${shown(one.high[i], unit)})` : shown(v, unit));
  const series = { label: one.label, stroke: line, width: 2, dash: one.dash ? [6, 5] : undefined, value, spanGaps: true };
  if (one.kind === "bars") return { ...series, fill: `${line}55`, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } };
  if (one.kind === "points") return { ...series, paths: () => null, points: { show: true, size: 8, fill: line } };
  return { ...series, points: { show: !one.dash && one.values.filter((v) => v != null).length < 60, size: 5 } };
}

// How sure each point is, as a line from its low to its high end.
function whiskers(chart) {
  return (plot) => {
    const { ctx } = plot;
    chart.series.forEach((one, index) => {
      if (one.kind !== "points" || !one.low || !one.high) return;
      ctx.save();
      ctx.strokeStyle = colour(one.color ?? COLOURS[index % COLOURS.length]);
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.setLineDash([]);
      ctx.beginPath();
      chart.x.forEach((x, i) => {
        if (one.low[i] == null || one.high[i] == null) return;
        const at = plot.valToPos(x, "x", true);
        ctx.moveTo(at, plot.valToPos(one.low[i], "y", true));
        ctx.lineTo(at, plot.valToPos(one.high[i], "y", true));
      });
      ctx.stroke();
      ctx.restore();
    });
  };
}

function xScale(chart) {
  if (chart.xRange) return { time: false, range: chart.xRange };
  // Words have half a place on either side, so that bars are whole.
  if (chart.labels) return { time: false, range: [-0.6, chart.x.length - 0.4] };
  return { time: Boolean(chart.time) };
}

function xAxis(chart, axis) {
  if (chart.labels) {
    const values = (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? chart.labels[tick] ?? "" : ""));
    return { ...axis, values, incrs: [1, 2, 4, 8, 13, 26, 52], space: 46, grid: { show: false }, label: chart.xLabel, labelSize: 20, labelGap: 2 };
  }
  const values = chart.time ? undefined : (_, ticks) => ticks.map((tick) => shown(tick, chart.xUnit));
  return { ...axis, values, label: chart.xLabel, labelSize: 20, labelGap: 2 };
}

function draw(place) {
  const chart = JSON.parse(place.dataset.chart);
  const data = [chart.x];
  const named = chart.labels ? (_, v) => (v == null ? "–" : chart.labels[v]) : chart.time ? undefined : (_, v) => shown(v, chart.xUnit);
  const series = [{ label: chart.xLabel ?? (chart.time ? "Time" : "x"), value: named }];
  const bands = [];
  chart.series.forEach((one, index) => {
    data.push(one.values);
    series.push(describe(one, index, chart.unit));
    if (!one.low || !one.high || one.kind === "points") return;
    const line = colour(one.color ?? COLOURS[index % COLOURS.length]);
    const edge = { stroke: "transparent", points: { show: false }, spanGaps: true, class: "edge" };
    data.push(one.high, one.low);
    series.push({ ...edge, label: "at most" }, { ...edge, label: "at least" });
    bands.push({ series: [data.length - 2, data.length - 1], fill: `${line}22` });
  });
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
  const [low, high] = chart.range ?? [null, null];
  place.replaceChildren();
  new uPlot({
    width: Math.max(place.clientWidth, 200),
    height: chart.height ?? 220,
    scales: { x: xScale(chart), y: { range: (_, min, max) => [low ?? Math.min(0, min ?? 0), high ?? (max > 0 ? max * 1.08 : 1)] } },
    axes: [xAxis(chart, axis), { ...axis, size: 62, incrs: chart.unit === "s" ? SPANS : undefined, label: chart.yLabel, labelSize: 20, labelGap: 2, values: (_, ticks) => ticks.map((tick) => shown(tick, chart.unit)) }],
    series,
    bands,
    legend: { live: true },
    hooks: { draw: [whiskers(chart)] },
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
