import { median } from './stats.js';
import type { Latency } from './stats.js';

/** What one run of one side has shown. */
export interface Measured {
  value: number;
  /** Things that did not come off: connects, requests. */
  failed?: number;
  latency?: Latency;
  loop?: Latency;
  peakBytes?: number;
  /** Share of a core that this side used, and the load client meanwhile. */
  cpu?: number;
  clientCpu?: number;
}

/** The same measured on the server and on its baseline, one right after the other. */
export interface Pair {
  server: Measured;
  baseline: Measured;
}

/** One line of the report. */
export interface Figure {
  name: string;
  unit: string;
  value: number;
  /** Null if there is nothing to compare with. */
  baseline: number | null;
  baselineName: string;
  ratio: number | null;
  target: string;
  /** Null if nothing is demanded. */
  reached: boolean | null;
  latency: Latency | null;
  loop: Latency | null;
  peakBytes: number | null;
  baselinePeakBytes: number | null;
  note: string;
}

/** What a figure must reach. */
export interface Goal {
  text: string;
  isMet: (figure: { value: number; ratio: number | null }) => boolean;
}

/** At least so large a share of the baseline. */
export function ratioAtLeast(bound: number): Goal {
  return { text: `ratio ≥ ${bound}`, isMet: ({ ratio }) => ratio !== null && ratio >= bound };
}

/** At most `bound` times the baseline. */
export function ratioAtMost(bound: number): Goal {
  return { text: `ratio ≤ ${bound}`, isMet: ({ ratio }) => ratio !== null && ratio <= bound };
}

/** Below an absolute bound. */
export function below(bound: number, unit: string): Goal {
  return { text: `< ${bound} ${unit}`, isMet: ({ value }) => value < bound };
}

/** Names of a figure, and what it must reach. */
export interface Label {
  name: string;
  unit: string;
  baselineName?: string;
  goal?: Goal;
  note?: string;
}

/**
 * Runs server and baseline in turn: the machine is noisy, and what disturbs one side for long disturbs the other one, too.
 */
export async function alternate<T>(
  repeats: number,
  server: () => Promise<T>,
  baseline: () => Promise<T>,
): Promise<Array<{ server: T; baseline: T }>> {
  const pairs = [];
  for (let turn = 0; turn < repeats; turn += 1) {
    if (turn % 2 === 0) pairs.push({ server: await server(), baseline: await baseline() });
    else {
      const first = await baseline();
      pairs.push({ server: await server(), baseline: first });
    }
  }
  return pairs;
}

/** The figure of several pairs: medians, and latencies from the pair whose ratio is the median. */
export function compared(label: Label, pairs: readonly Pair[]): Figure {
  const byRatio = [...pairs].sort((a, b) => ratioOf(a) - ratioOf(b));
  const typical = byRatio[Math.floor((byRatio.length - 1) / 2)];
  if (!typical) throw new Error(`${label.name}: nothing was measured`);
  const figure = toFigure(label, {
    value: median(pairs.map(({ server }) => server.value)),
    baseline: median(pairs.map(({ baseline }) => baseline.value)),
    ratio: median(pairs.map(ratioOf)),
    of: typical.server,
    failed: sum(pairs.map(({ server }) => server.failed ?? 0)),
    peakBytes: largest(pairs.map(({ server }) => server.peakBytes)),
    baselinePeakBytes: largest(pairs.map(({ baseline }) => baseline.peakBytes)),
  });
  const notes = [figure.note, spreadNote(byRatio.map(ratioOf)), cpuNote(typical)];
  return { ...figure, note: notes.filter((note) => note !== '').join('; ') };
}

/** @param ratios in ascending order */
function spreadNote(ratios: readonly number[]): string {
  const [lowest, highest] = [ratios[0], ratios.at(-1)];
  if (lowest === undefined || highest === undefined || ratios.length < 2) return '';
  return `ratio from ${lowest.toFixed(2)} to ${highest.toFixed(2)} in ${ratios.length} runs`;
}

/** Which side was busy: a server with idle time was not at its limit, and a client without any was at its own. */
function cpuNote({ server, baseline }: Pair): string {
  if (server.clientCpu === undefined) return '';
  const percent = (share: number | undefined): string =>
    share === undefined ? '?' : (share * 100).toFixed(0);
  return (
    `processor time in % of a core: server ${percent(server.cpu)} (its client ${percent(server.clientCpu)}), ` +
    `baseline ${percent(baseline.cpu)} (its client ${percent(baseline.clientCpu)})`
  );
}

/** A figure without a baseline. */
export function alone(label: Label, runs: readonly Measured[]): Figure {
  const [first] = [...runs].sort((a, b) => a.value - b.value).slice(Math.floor((runs.length - 1) / 2));
  if (!first) throw new Error(`${label.name}: nothing was measured`);
  return toFigure(label, {
    value: median(runs.map(({ value }) => value)),
    baseline: null,
    ratio: null,
    of: first,
    failed: sum(runs.map(({ failed }) => failed ?? 0)),
    peakBytes: largest(runs.map(({ peakBytes }) => peakBytes)),
    baselinePeakBytes: null,
  });
}

interface Values {
  value: number;
  baseline: number | null;
  ratio: number | null;
  of: Measured;
  failed: number;
  peakBytes: number | null;
  baselinePeakBytes: number | null;
}

function toFigure(label: Label, values: Values): Figure {
  const { value, baseline, ratio, of, failed, peakBytes, baselinePeakBytes } = values;
  const notes = [label.note ?? '', failed > 0 ? `${failed} failed` : ''];
  return {
    name: label.name,
    unit: label.unit,
    value,
    baseline,
    baselineName: label.baselineName ?? '',
    ratio,
    target: label.goal?.text ?? '',
    reached: label.goal ? failed === 0 && label.goal.isMet({ value, ratio }) : null,
    latency: of.latency ?? null,
    loop: of.loop ?? null,
    peakBytes,
    baselinePeakBytes,
    note: notes.filter((note) => note !== '').join('; '),
  };
}

function ratioOf({ server, baseline }: Pair): number {
  return server.value / baseline.value;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(values: ReadonlyArray<number | undefined>): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}
