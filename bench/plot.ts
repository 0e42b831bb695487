import type { Series } from './scenario.js';

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 70;
const RIGHT = 20;
const TOP = 40;
const BOTTOM = 50;
const GRID_LINES = 4;
// More points than pixels say nothing.
const MOST_POINTS = 400;
const MOST_DOTS = 12;

/** A line plot as SVG; it follows the reader's choice of a light or a dark page. */
export function plot(series: Series): string {
  const { name, unit, x } = series;
  const points = thinned(series.points);
  const xs = points.map(([value]) => (x.scale === 'log' ? Math.log10(value) : value));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const top = niceCeiling(Math.max(...points.map(([, y]) => y)));
  const toX = (value: number): number => LEFT + ((value - low) / (high - low || 1)) * (WIDTH - LEFT - RIGHT);
  const toY = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const placed = points.map(([, y], index) => [round(toX(xs[index] ?? low)), round(toY(y))] as const);
  const dots = placed.length > MOST_DOTS ? [] : placed;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(name)}">`,
    STYLE,
    `<text class="title" x="${LEFT}" y="22">${escape(name)} (${escape(unit)})</text>`,
    ...grid(top, toY),
    ...ticks(series, points).map(([value, label]) => {
      const at = round(toX(x.scale === 'log' ? Math.log10(value) : value));
      return `<text text-anchor="middle" x="${at}" y="${HEIGHT - BOTTOM + 20}">${label}</text>`;
    }),
    `<text text-anchor="middle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}">${escape(x.name)}</text>`,
    `<polyline points="${placed.map((point) => point.join(',')).join(' ')}"/>`,
    ...dots.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="4"/>`),
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = `<style>
  svg { background: #fff; }
  text { font: 12px sans-serif; fill: #333; }
  .title { font-size: 14px; font-weight: bold; }
  line { stroke: #ddd; }
  polyline { fill: none; stroke: #06c; stroke-width: 2; }
  circle { fill: #06c; }
  @media (prefers-color-scheme: dark) {
    svg { background: #161b22; }
    text { fill: #ddd; }
    line { stroke: #444; }
    polyline { stroke: #6cf; }
    circle { fill: #6cf; }
  }
</style>`;

function grid(top: number, toY: (value: number) => number): string[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, index) => {
    const value = (top * index) / GRID_LINES;
    const y = round(toY(value));
    return (
      `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/>` +
      `<text text-anchor="end" x="${LEFT - 8}" y="${y + 4}">${short(value)}</text>`
    );
  });
}

/** On a log scale every point has a label, else the beginning, the middle and the end. */
function ticks({ x }: Series, points: Series['points']): Array<[number, string]> {
  if (x.scale === 'log') return points.map(([value]) => [value, short(value)]);
  const last = points.at(-1)?.[0] ?? 0;
  return [0, last / 2, last].map((value) => [value, short(round(value))]);
}

function thinned(points: Series['points']): Series['points'] {
  const step = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

/** The next number above that reads well. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((nice) => nice >= value) ?? value;
}

function short(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)}M`;
  return value >= 1e3 ? `${round(value / 1e3)}k` : String(round(value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}
