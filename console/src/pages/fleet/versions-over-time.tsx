import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import type { FleetHistory } from '../../api/types';
import { Failure, Loading, Panel } from '../../ui/parts';
import { Plot } from '../../ui/plot';
import type { Series } from '../../ui/plot-options';
import { useLoad, useReloadOn } from '../../ui/use-load';

const SPANS = [
  [24, '1 day'],
  [168, '1 week'],
  [720, '30 days'],
  [8_760, '1 year'],
] as const;

/**
 * How many printers ran which version.
 *
 * @param at when the fleet has changed last: a minute later at most, the curve shows it, too
 */
export function VersionsOverTime({ at }: { at: string }) {
  const [hours, setHours] = useState<number>(24);
  const { data, error, reload } = useLoad(`history ${hours}`, (stop) => api.fleetHistory(hours, stop));
  useReloadOn(at.slice(0, 'yyyy-mm-ddThh:mm'.length), reload);
  const spans = (
    <div class="actions" role="group" aria-label="Span">
      {SPANS.map(([value, name]) => (
        <button
          key={value}
          type="button"
          class="small quiet"
          aria-pressed={value === hours}
          onClick={() => setHours(value)}
        >
          {name}
        </button>
      ))}
    </div>
  );
  return (
    <Panel title="Versions over time" aside={spans}>
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : (
        <Plot
          label="Printers by version"
          times={data.points.map((point) => point.at)}
          series={seriesOf(data)}
        />
      )}
    </Panel>
  );
}

const COLOURS = 8;
const OTHER = 'other';

/** The versions in their order; where there are more than colours, the rarer ones are one layer on top. */
function seriesOf({ versions, points }: FleetHistory): Series[] {
  const layers = versions.map((label, index) => ({
    label,
    values: points.map((point) => point.printers[index] ?? 0),
  }));
  const named = layers.filter(({ label }) => label !== OTHER);
  const isFew = layers.length <= COLOURS;
  const kept = isFew ? named : commonest(named, COLOURS - 1);
  const rest = layers.filter((layer) => !kept.includes(layer));
  const series = kept.map((layer, index) => ({ ...layer, color: `v${index}` }));
  if (rest.length === 0) return series;
  const values = points.map((_, at) => rest.reduce((sum, layer) => sum + (layer.values[at] ?? 0), 0));
  return [...series, { label: OTHER, values, color: `v${COLOURS - 1}` }];
}

function commonest<Layer extends { values: number[] }>(layers: readonly Layer[], most: number): Layer[] {
  const peak = ({ values }: Layer): number => Math.max(0, ...values);
  const chosen = new Set([...layers].sort((a, b) => peak(b) - peak(a)).slice(0, most));
  return layers.filter((layer) => chosen.has(layer));
}
