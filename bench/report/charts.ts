// SVG pictures: bars for each value of a group, lines where a group varies one number.

/// <reference lib="dom" />

import type * as Plot from '@observablehq/plot' with { 'resolution-mode': 'import' };
import { GROUPS, ROWS } from '../workloads/rows';
import type { Peer, Report, Result } from './report';
import { numberText } from './tables';

const WIDTH = 900;
const BAR_HEIGHT = 15;
const MARGIN = { left: 190, right: 130, top: 50, bottom: 45 };
const SVG_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"';

interface Point extends Result {
  readonly title: string;
  readonly x: number;
}

const xOf = (row: string): number | undefined => ROWS.find(({ id }) => id === row)?.x;

function pointsOf(results: readonly Result[], subjects: readonly Peer[]): Point[] {
  return results.map((result) => ({
    ...result,
    title: subjects.find(({ id }) => id === result.subject)?.title ?? result.subject,
    x: xOf(result.row) ?? 0,
  }));
}

const FRAME = {
  width: WIDTH,
  marginLeft: MARGIN.left,
  marginRight: MARGIN.right,
  marginTop: MARGIN.top,
  marginBottom: MARGIN.bottom,
  style: { background: 'white', color: 'black' },
};

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
    x: isFraction ? { domain: [0, 1], label: title } : { type: 'log', label: title, grid: true },
    y: { domain: titles, label: null, tickSize: 0 },
    fy: { domain: names, label: null },
    color: { domain: titles, scheme: 'tableau10' },
    marks: [
      plot.barX(points, {
        x1: isFraction ? 0 : least,
        x2: 'median',
        y: 'title',
        fy: 'name',
        fill: 'title',
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

function lineChart(plot: typeof Plot, document: Document, points: readonly Point[], title: string): Element {
  const last = Math.max(...points.map(({ x }) => x));
  const label = { x: 'x', y: 'median', stroke: 'title' };
  return plot.plot({
    ...FRAME,
    document,
    height: 420,
    x: { type: 'log', label: title, grid: true },
    y: { type: 'log', label: points[0]?.unit ?? '', grid: true },
    color: { scheme: 'tableau10' },
    marks: [
      plot.line(points, label),
      plot.dot(points, { ...label, fill: 'title', r: 3 }),
      plot.text(
        points.filter(({ x }) => x === last),
        { x: 'x', y: 'median', text: 'title', dx: 8, textAnchor: 'start', fontSize: 10 },
      ),
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
