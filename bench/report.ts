import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './figure.js';
import { plot } from './plot.js';
import { RESULTS_FOLDER, writeFormatted } from './results.js';
import type { Result } from './results.js';
import type { Latency } from './stats.js';

const HEAD = [
  'what',
  'target',
  'reached',
  'server',
  'baseline',
  'ratio',
  'p50 / p99 / max ms',
  'event loop p99 / max ms',
  'peak MiB (baseline)',
];
const MIB = 2 ** 20;

/** Writes PERFORMANCE.md and its plots. */
export async function writeReport(out: string, results: readonly Result[], isQuick: boolean): Promise<void> {
  mkdirSync(join(out, RESULTS_FOLDER), { recursive: true });
  for (const { series } of results) {
    for (const one of series) writeFileSync(join(out, RESULTS_FOLDER, plotFile(one.name)), plot(one));
  }
  await writeFormatted(join(out, 'PERFORMANCE.md'), report(results, isQuick));
}

/** One line for a terminal. */
export function inOneLine(figure: Figure): string {
  const { name, value, unit, baseline, ratio, target, reached } = figure;
  const beside = baseline === null ? '' : `, baseline ${number(baseline)}, ratio ${number(ratio)}`;
  const wanted = target === '' ? '' : ` [${target}: ${mark(reached)}]`;
  return `${name}: ${number(value)} ${unit}${beside}${wanted}`;
}

function report(results: readonly Result[], isQuick: boolean): string {
  const lines = [
    '# Performance',
    '',
    'Written by `npm run bench` ([bench/](../bench/README.md) says how it measures). Each figure stands beside a baseline',
    'program that does only the physical minimum, run in turn with the server on the same machine; where a figure was',
    'measured several times, this is the median. Latency, event loop and memory are the server’s.',
    '',
  ];
  if (isQuick)
    lines.push(
      '**A quick run: everything is far too small and too short for its figures to mean anything.**',
      '',
    );
  for (const result of results) lines.push(...section(result));
  return lines.join('\n');
}

function section({ title, at, command, machine, figures, series }: Result): string[] {
  const rows = figures.map((figure) => cells(figure));
  return [
    `## ${title}`,
    '',
    ...table([HEAD, ...rows]),
    '',
    ...figures.flatMap(({ name, baselineName, note }) => remark(name, baselineName, note)),
    '',
    ...series.flatMap(({ name }) => [`![${name}](${RESULTS_FOLDER}/${plotFile(name)})`, '']),
    `${at.slice(0, 16).replace('T', ' ')} UTC, \`${command}\`, ${machine}`,
    '',
  ];
}

function table(rows: readonly string[][]): string[] {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const [head = HEAD, ...body] = rows;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

function cells(figure: Figure): string[] {
  const { name, unit, value, baseline, ratio, target, reached, latency, loop } = figure;
  return [
    name,
    target,
    mark(reached),
    `${number(value)} ${unit}`,
    baseline === null ? '' : `${number(baseline)} ${unit}`,
    number(ratio),
    latency === null ? '' : [latency.p50, latency.p99, latency.max].map(number).join(' / '),
    loopText(loop),
    memoryText(figure),
  ];
}

function remark(name: string, baselineName: string, note: string): string[] {
  const words = [baselineName === '' ? '' : `baseline: ${baselineName}`, note].filter((text) => text !== '');
  return words.length === 0 ? [] : [`- ${name}: ${words.join('; ')}`];
}

function loopText(loop: Latency | null): string {
  return loop === null ? '' : `${number(loop.p99)} / ${number(loop.max)}`;
}

function memoryText({ peakBytes, baselinePeakBytes }: Figure): string {
  if (peakBytes === null) return '';
  const beside = baselinePeakBytes === null ? '' : ` (${number(baselinePeakBytes / MIB)})`;
  return number(peakBytes / MIB) + beside;
}

function mark(reached: boolean | null): string {
  if (reached === null) return '';
  return reached ? 'yes' : '**no**';
}

/** Three digits that count. */
function number(value: number | null): string {
  if (value === null) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function plotFile(name: string): string {
  return `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.svg`;
}
