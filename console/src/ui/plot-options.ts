import uPlot from 'uplot';

/** One layer of a stack over time. */
export interface Series {
  label: string;
  /** Name of a colour of the style sheet, without `--`. */
  color: string;
  values: readonly number[];
}

const SHORTEST_SPAN_S = 60;
const DAY_S = 86_400;
const FONT_PX = 12;
const LONGEST_TICK_PX = 72;

// A value holds until the next sample: a line between two samples would show values that nobody has measured.
const STEPS = uPlot.paths.stepped?.({ align: 1 });

/** The sums up to each layer, which is what is drawn. */
export function stack(times: readonly string[], series: readonly Series[]): uPlot.AlignedData {
  const sums = times.map(() => 0);
  const layers = series.map((one) =>
    one.values.map((value, index) => (sums[index] = (sums[index] ?? 0) + value)),
  );
  return [times.map((at) => Date.parse(at) / 1_000), ...layers];
}

/** How a stack looks; `current` are its layers, whose values change, and `moved` is told at which point a pointer is. */
export function plotOptions(
  current: () => readonly Series[],
  moved: (index: number | null) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const colours = current().map((one) => colour(one.color));
  const axis: uPlot.Axis = {
    stroke: colour('ink-soft'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1, size: 5 },
    font: `${FONT_PX}px ${getComputedStyle(document.body).fontFamily}`,
  };
  return {
    padding: [8, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    legend: { show: false },
    scales: {
      x: { range: (_, min, max) => [Math.min(min, max - SHORTEST_SPAN_S), max] },
      y: { range: (_, __, max) => [0, Math.max(max, 1)] },
    },
    axes: [
      {
        ...axis,
        space: 92,
        values: (plot, ticks, _, __, step) =>
          timeTicks(ticks, step).map((text, index) => (isAtEnd(plot, ticks[index] ?? 0) ? '' : text)),
      },
      {
        ...axis,
        incrs: WHOLE,
        size: labelWidth,
        values: (_, ticks) => ticks.map((tick) => COMPACT.format(tick)),
      },
    ],
    series: [
      {},
      // A layer is filled down to the one below it by a band; the lowest one has none below.
      ...colours.map((fill, index): uPlot.Series => ({
        width: 0,
        points: { show: false },
        ...(STEPS === undefined ? {} : { paths: STEPS }),
        ...(index === 0 ? { fill } : {}),
      })),
    ],
    bands: colours.slice(1).map((fill, index) => ({ series: [index + 2, index + 1], fill })),
    hooks: {
      setCursor: [({ cursor }) => moved(cursor.idx ?? null)],
      draw: [
        (plot) => current().forEach((one, index) => drawEdge(plot, one, index + 1, colours[index] ?? '')),
      ],
    },
  };
}

/** True if the text of a tick would be cut off at the right. */
function isAtEnd({ scales: { x }, width }: uPlot, tick: number): boolean {
  const [min, max] = [x?.min ?? 0, x?.max ?? 0];
  return max > min && ((max - tick) / (max - min)) * width < LONGEST_TICK_PX / 2 - 12;
}

/** Draws the upper edge of a layer where the layer has a height, so that a few printers of a million can be seen. */
function drawEdge(plot: uPlot, { values }: Series, layer: number, colour: string): void {
  const { ctx } = plot;
  const [times, sums] = [plot.data[0], plot.data[layer] ?? []];
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  const x = (index: number): number => plot.valToPos(times[index] ?? 0, 'x', true);
  const y = (index: number): number => plot.valToPos(sums[index] ?? 0, 'y', true);
  for (let index = 1; index < times.length; index += 1) {
    const [before, after] = [values[index - 1] ?? 0, values[index] ?? 0];
    if (before === 0 && after === 0) continue;
    ctx.moveTo(x(index), y(index - 1));
    if (before !== 0) ctx.lineTo(x(index - 1), y(index - 1));
    ctx.moveTo(x(index), y(index - 1));
    ctx.lineTo(x(index), y(index));
  }
  ctx.stroke();
  ctx.restore();
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const SECONDS = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric' });

/** Instants in the browser's time zone; the day is shown only if it changes. */
function timeTicks(ticks: readonly number[], step: number): string[] {
  if (step < 1) return ticks.map(() => '');
  const format = step >= 28 * DAY_S ? MONTH : step >= DAY_S ? DAY : step >= 60 ? TIME : SECONDS;
  const dayOf = (tick: number | undefined): string => (tick === undefined ? '' : DAY.format(tick * 1_000));
  return ticks.map((tick, index) => {
    const text = format.format(tick * 1_000);
    const isNewDay = step < DAY_S && dayOf(tick) !== dayOf(ticks[index - 1]);
    return isNewDay ? `${text}\n${dayOf(tick)}` : text;
  });
}

const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

function labelWidth(_: uPlot, labels: string[] | null): number {
  const longest = Math.max(1, ...(labels ?? []).map((label) => label.length));
  return longest * FONT_PX * 0.62 + 14;
}
