// SVG pictures: bars for each value of a group, lines where a group varies one number.

/// <reference lib="dom" />

import type * as Plot from '@observablehq/plot' with { 'resolution-mode': 'import' };
import { GROUPS, ROWS } from '../workloads/rows';
import type { Peer, Report, Result } from './report';
import { numberText } from './tables';

const WIDTH = 900;
const LINES_HEIGHT = 480;
const BAR_HEIGHT = 15;
const LABEL_HEIGHT = 12;
const MARGIN = { left: 190, right: 190, top: 60, bottom: 45 };
const SVG_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"';
/** By family: there are too many subjects for a colour each, and each has its name beside it. */
const COLOURS = { ours: '#d1495b', node: '#edae49', native: '#30638e', control: '#a0a0a0' };

interface Point extends Result {
  readonly title: string;
  readonly family: string;
  readonly x: number;
}

const xOf = (row: string): number | undefined => ROWS.find(({ id }) => id === row)?.x;

function pointsOf(results: readonly Result[], subjects: readonly Peer[]): Point[] {
  return results.map((result) => {
    const { title = result.subject, family = 'node' } =
      subjects.find(({ id }) => id === result.subject) ?? {};
    return { ...result, title, family, x: xOf(result.row) ?? 0 };
  });
}

const FRAME = {
  width: WIDTH,
  marginLeft: MARGIN.left,
  marginRight: MARGIN.right,
  marginTop: MARGIN.top,
  marginBottom: MARGIN.bottom,
  style: { background: 'white', color: 'black' },
  color: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
};

const headline = (plot: typeof Plot, title: string) =>
  plot.text([title], {
    frameAnchor: 'top-left',
    facet: 'super',
    dx: -MARGIN.left + 10,
    dy: -MARGIN.top + 15,
    fontSize: 14,
    fontWeight: 'bold',
  });

/** `document` makes the elements: a browser's, or one that stands in for it. */
function barChart(plot: typeof Plot, document: Document, points: readonly Point[], title: string): Element {
  const names = [...new Set(points.map(({ name }) => name))];
  const titles = [...new Set(points.map((point) => point.title))];
  const isFraction = points.every(({ unit }) => unit === 'of pool');
  const least = Math.min(...points.map(({ median }) => median)) / 2;
  return plot.plot({
    ...FRAME,
    document,
    height: MARGIN.top + MARGIN.bottom + names.length * (titles.length + 1) * BAR_HEIGHT,
    x: isFraction ? { domain: [0, 1], label: null } : { type: 'log', label: null, grid: true },
    y: { domain: titles, label: null, tickSize: 0 },
    fy: { domain: names, label: null },
    marks: [
      headline(plot, title),
      plot.barX(points, {
        x1: isFraction ? 0 : least,
        x2: 'median',
        y: 'title',
        fy: 'name',
        fill: 'family',
      }),
      plot.text(points, {
        x: 'median',
        y: 'title',
        fy: 'name',
        dx: 4,
        textAnchor: 'start',
        fontSize: 9,
        text: ({ median, unit }: Point) => `${numberText(median)} ${unit}`,
      }),
    ],
  });
}

/** Values at which labels of these values do not cover each other, on a logarithmic axis. */
function spread(values: readonly number[], [low, high]: readonly [number, number]): number[] {
  const pixels = LINES_HEIGHT - MARGIN.top - MARGIN.bottom;
  const perPixel = Math.log(high / low) / pixels;
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const places = values.map((value) => Math.log(value));
  let last = -Infinity;
  for (const i of order) {
    last = Math.max(places[i], last + LABEL_HEIGHT * perPixel);
    places[i] = last;
  }
  return places.map(Math.exp);
}

function lineChart(plot: typeof Plot, document: Document, points: readonly Point[], title: string): Element {
  const medians = points.map(({ median }) => median);
  const domain: [number, number] = [Math.min(...medians), Math.max(...medians)];
  const ends = [...new Set(points.map(({ subject }) => subject))].map((subject) =>
    points.filter((point) => point.subject === subject).reduce((a, b) => (b.x > a.x ? b : a)),
  );
  const places = spread(
    ends.map(({ median }) => median),
    domain,
  );
  const last = Math.max(...points.map(({ x }) => x));
  const labels = ends.map((end, i) => ({ ...end, x: last, median: places[i] }));
  const channels = { x: 'x', y: 'median', z: 'subject', stroke: 'family' };
  return plot.plot({
    ...FRAME,
    document,
    height: LINES_HEIGHT,
    marginLeft: 60,
    x: { type: 'log', label: null, grid: true },
    y: { type: 'log', label: points[0]?.unit ?? '', grid: true, domain },
    marks: [
      plot.text([title], {
        frameAnchor: 'top-left',
        dx: -50,
        dy: -45,
        fontSize: 14,
        fontWeight: 'bold',
      }),
      plot.line(points, channels),
      plot.dot(points, { ...channels, fill: 'family', r: 3 }),
      plot.text(labels, {
        x: 'x',
        y: 'median',
        text: 'title',
        fill: 'family',
        dx: 10,
        textAnchor: 'start',
        fontSize: 10,
      }),
    ],
  });
}

/** File name and text of each picture. */
export async function drawCharts(report: Report): Promise<Map<string, string>> {
  const plot = await import('@observablehq/plot');
  const { parseHTML } = await import('linkedom');
  const { document } = parseHTML('<html><body></body></html>') as unknown as { document: Document };
  const charts = new Map<string, string>();
  for (const [group, title] of Object.entries(GROUPS)) {
    const results = report.results.filter((result) => result.group === group);
    if (results.length === 0) continue;
    const points = pointsOf(results, report.subjects);
    const varies = new Set(points.map(({ x }) => x)).size > 1;
    const chart = varies ? lineChart(plot, document, points, title) : barChart(plot, document, points, title);
    charts.set(`${group}.svg`, chart.outerHTML.replace('<svg ', `<svg ${SVG_NAMESPACE} `));
  }
  return charts;
}
