import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count } from './format';
import { theme } from './theme';

/** One line, or one layer of a stack. */
export interface Series {
  label: string;
  /** Name of a colour of the style sheet, without `--`. */
  color: string;
  values: readonly number[];
}

/** Values over time, stacked: the first series lies at the bottom. */
export function Plot({
  times,
  series,
  label,
}: {
  times: readonly string[];
  series: readonly Series[];
  label: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = series.map((one) => `${one.label} ${one.color}`).join();
  const data = stack(times, series);
  const latest = useRef({ data, series });
  latest.current = { data, series };

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = new uPlot(
      { ...options(latest.current.series, () => latest.current.series), ...sizeOf(element) },
      latest.current.data,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, theme.value]);

  useEffect(() => plot.current?.setData(data), [data]);

  const last = series.map((one) => `${one.label} ${count(one.values.at(-1) ?? 0)}`).join(', ');
  return <div ref={box} class="plot" role="img" aria-label={`${label}. Last: ${last}`} />;
}

const HEIGHT = 220;

function sizeOf(element: HTMLElement): { width: number; height: number } {
  // What uPlot puts below the plot, its legend, has a height of its own.
  return { width: Math.max(element.clientWidth, 200), height: HEIGHT };
}

function stack(times: readonly string[], series: readonly Series[]): uPlot.AlignedData {
  const sums = times.map(() => 0);
  const layers = series.map((one) =>
    one.values.map((value, index) => (sums[index] = (sums[index] ?? 0) + value)),
  );
  return [times.map((at) => Date.parse(at) / 1_000), ...layers];
}

function options(
  series: readonly Series[],
  current: () => readonly Series[],
): Omit<uPlot.Options, 'width' | 'height'> {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: colour('ink-soft'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    font: `12px ${style.fontFamily || 'sans-serif'}`,
  };
  return {
    cursor: { drag: { setScale: false }, points: { show: false } },
    legend: { live: true },
    scales: { y: { range: (_, __, max) => [0, Math.max(max, 1)] } },
    axes: [
      { ...axis, space: 70 },
      { ...axis, size: 56, incrs: WHOLE, values: (_, ticks) => ticks.map((tick) => compact(tick)) },
    ],
    series: [
      {
        label: 'Time',
        value: (_, seconds) => (seconds == null ? '–' : new Date(seconds * 1_000).toLocaleString()),
      },
      ...series.map((one, index): uPlot.Series => ({
        label: one.label,
        stroke: colour(one.color),
        width: 1,
        points: { show: false },
        // The layer alone, not the sum that is drawn.
        value: (_, __, ___, at) => (at === null ? '–' : count(current()[index]?.values[at] ?? 0)),
      })),
    ],
    bands: series
      .map((one, index) => ({
        series: [index + 1, index] as [number, number],
        fill: colour(one.color),
      }))
      .filter((_, index) => index > 0),
    hooks: {
      init: [
        (made) => {
          // A band lies between two series; the lowest one ends at zero.
          const lowest = made.series[1];
          if (lowest) lowest.fill = () => colour(series[0]?.color ?? 'line');
        },
      ],
    },
  };
}

const WHOLE = [1, 2, 5]
  .flatMap((digit) => [0, 1, 2, 3, 4, 5, 6].map((power) => digit * 10 ** power))
  .sort((a, b) => a - b);

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

function compact(value: number): string {
  return COMPACT.format(value);
}
