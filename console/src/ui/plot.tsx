import { useSignal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count, shortTime } from './format';
import { plotOptions, stack } from './plot-options';
import type { Series } from './plot-options';
import { theme } from './theme';

const HEIGHT = 220;
const NARROWEST = 200;

/**
 * Values over time, stacked: the first series lies at the bottom. The legend says how many are in each layer at the point under the
 * pointer, or that the arrow keys lead to; else at the last one.
 */
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
  const pointed = useSignal<number | null>(null);
  const names = series.map((one) => `${one.label} ${one.color}`).join();
  const latest = useRef({ times, series });
  latest.current = { times, series };
  const isDrawn = times.length > 1;

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const options = plotOptions(
      () => latest.current.series,
      (index) => (pointed.value = index),
    );
    const size = () => ({ width: Math.max(element.clientWidth, NARROWEST), height: HEIGHT });
    const { times: from, series: layers } = latest.current;
    const made = new uPlot({ ...options, ...size() }, stack(from, layers), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      pointed.value = null;
    };
  }, [names, theme.value, isDrawn]);

  useEffect(() => plot.current?.setData(stack(times, series)), [times, series]);

  const last = series.map((one) => `${one.label} ${count(one.values.at(-1) ?? 0)}`).join(', ');
  return (
    <div class="plot">
      {isDrawn ? (
        <div
          ref={box}
          class="plot-box"
          role="img"
          tabIndex={0}
          aria-label={`${label}. Last: ${last}`}
          onKeyDown={(event) => step(event, plot.current)}
          onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        />
      ) : (
        <p class="hint">The curve appears after the second sample.</p>
      )}
      <PlotLegend times={times} series={series} pointed={pointed} />
    </div>
  );
}

function PlotLegend({
  times,
  series,
  pointed,
}: {
  times: readonly string[];
  series: readonly Series[];
  pointed: Signal<number | null>;
}) {
  const last = times.length - 1;
  const index = Math.min(pointed.value ?? last, last);
  const at = times[index];
  return (
    <ul class="legend">
      {at !== undefined && <li class="at">{shortTime(at)}</li>}
      {series.map((one) => (
        <li key={one.label}>
          <span class="swatch" style={{ background: `var(--${one.color})` }} aria-hidden="true" />
          {one.label} <b>{count(one.values[index] ?? 0)}</b>
        </li>
      ))}
    </ul>
  );
}

/** Leads the cursor from point to point with the arrow keys. */
function step(event: KeyboardEvent, plot: uPlot | null): void {
  if (plot === null) return;
  const times = plot.data[0];
  const last = times.length - 1;
  const from = plot.cursor.idx ?? last;
  const targets: Record<string, number> = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  const index = Math.min(Math.max(target, 0), last);
  plot.setCursor({ left: plot.valToPos(times[index] ?? 0, 'x'), top: 0 });
}
