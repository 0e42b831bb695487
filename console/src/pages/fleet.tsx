import { useState } from 'preact/hooks';
import { api } from '../api/api';
import { live } from '../api/live';
import type { Rollout, Summary, VersionCount } from '../api/types';
import { count, counted, percent } from '../ui/format';
import { Empty, Failure, Loading, PageHead, Panel } from '../ui/parts';
import { Plot } from '../ui/plot';
import { RolloutState, partsOf } from '../ui/rollout-parts';
import { Legend, StackedBar } from '../ui/stacked-bar';
import type { Part } from '../ui/stacked-bar';
import { useLoad } from '../ui/use-load';
import { When } from '../ui/when';

/** How the fleet is, at a glance. */
export function FleetPage() {
  const summary = live.summary.value;
  const isNew = summary !== null && (summary.printers.total === 0 || summary.firmware === 0);
  return (
    <>
      <PageHead title="Fleet" lead={summary === null ? null : leadOf(summary)}>
        <a class="button" href="/rollouts/new">
          New rollout
        </a>
      </PageHead>
      {summary === null ? (
        <Loading />
      ) : (
        <>
          {isNew && <FirstSteps summary={summary} />}
          {summary.printers.total > 0 && (
            <>
              <Tiles summary={summary} />
              <Versions summary={summary} />
              <ActiveRollouts />
              <VersionsOverTime />
            </>
          )}
        </>
      )}
    </>
  );
}

function leadOf({ printers }: Summary): string {
  if (printers.total === 0) return 'No printer has connected yet.';
  return `${count(printers.online)} of ${counted(printers.total, 'printer')} online`;
}

/** Leads a new installation from nothing to its first rollout. */
function FirstSteps({ summary }: { summary: Summary }) {
  const hasFirmware = summary.firmware > 0;
  const hasPrinters = summary.printers.total > 0;
  const address = `ws://${location.host}/ws/USER-UUID`;
  return (
    <ol class="steps">
      <li class={hasFirmware ? 'done' : 'next'}>
        <h2>Upload firmware</h2>
        <p>
          {hasFirmware ? 'Done.' : 'A binary with a version, in one of the channels stable, beta and canary.'}
        </p>
        {!hasFirmware && <a href="/firmware">To the firmware</a>}
      </li>
      <li class={hasPrinters ? 'done' : hasFirmware ? 'next' : ''}>
        <h2>Connect a printer</h2>
        {hasPrinters ? (
          <p>Done.</p>
        ) : (
          <>
            <p>
              Printers connect to <code>{address}</code> and register themselves.
            </p>
            {summary.simulator ? (
              <a href="/try">Or add virtual printers</a>
            ) : (
              <p class="hint">
                No printer at hand? <code>npm run simulate</code> starts virtual ones.
              </p>
            )}
          </>
        )}
      </li>
      <li class={hasFirmware && hasPrinters ? 'next' : ''}>
        <h2>Roll out</h2>
        <p>
          To all printers, some users, some printers or a channel: at once, by percentages or at a set time.
        </p>
        {hasFirmware && hasPrinters && <a href="/rollouts/new">New rollout</a>}
      </li>
    </ol>
  );
}

function Tiles({ summary: { printers, updates } }: { summary: Summary }) {
  return (
    <div class="tiles">
      <a class="tile" href="/printers?online=true">
        <span class="figure">
          {count(printers.online)} <small>of {count(printers.total)}</small>
        </span>
        <span class="name">online now</span>
      </a>
      <a class="tile" href="/rollouts">
        <span class="figure">{count(updates.in_progress)}</span>
        <span class="name">updates under way</span>
      </a>
      <a class="tile" href="/rollouts">
        <span class="figure">{count(updates.completed_last_day)}</span>
        <span class="name">completed in the last day</span>
      </a>
      <a class={updates.failed_last_day > 0 ? 'tile bad' : 'tile'} href="/rollouts">
        <span class="figure">{count(updates.failed_last_day)}</span>
        <span class="name">failed in the last day</span>
      </a>
    </div>
  );
}

function standing(version: VersionCount): Part[] {
  return [
    { kind: 'on_target', label: 'On target', value: version.on_target },
    { kind: 'held', label: 'Held back', value: version.held },
    { kind: 'behind_offline', label: 'Behind: offline', value: version.behind_offline },
    { kind: 'behind_online', label: 'Behind while online', value: version.behind_online },
  ];
}

function Versions({ summary }: { summary: Summary }) {
  const { versions } = summary;
  const sum = (of: (version: VersionCount) => number): number =>
    versions.reduce((total, version) => total + of(version), 0);
  const all = standing({
    version: '',
    printers: sum((one) => one.printers),
    on_target: sum((one) => one.on_target),
    held: sum((one) => one.held),
    behind_offline: sum((one) => one.behind_offline),
    behind_online: sum((one) => one.behind_online),
  });
  return (
    <Panel
      title="Versions"
      aside={
        <span class="hint">
          Counted <When at={summary.counted_at} />
        </span>
      }
    >
      <div class="table-box">
        <table class="versions">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col" class="number">
                Printers
              </th>
              <th scope="col" class="number">
                Share
              </th>
              <th scope="col" class="wide">
                How they stand
              </th>
              <th scope="col" class="number">
                Behind while online
              </th>
            </tr>
          </thead>
          <tbody>
            {versions.map((version) => (
              <tr key={version.version}>
                <td>
                  {version.version === 'other' ? (
                    'other'
                  ) : (
                    <a href={`/printers?firmware_version=${encodeURIComponent(version.version)}`}>
                      {version.version}
                    </a>
                  )}
                </td>
                <td class="number">{count(version.printers)}</td>
                <td class="number">{percent(version.printers, summary.printers.total)}</td>
                <td class="wide">
                  <StackedBar parts={standing(version)} label={`Version ${version.version}`} />
                </td>
                <td class="number">
                  {version.behind_online > 0 ? <b class="alarm">{count(version.behind_online)}</b> : '0'}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Legend parts={all} />
      <p class="hint explain">
        Behind while online: connected, and a rollout has a newer version for it: it is being sent, or it has
        failed. Held back: a rollout names it, but is paused, scheduled or not at its percentage, or the
        printer takes no updates.
      </p>
    </Panel>
  );
}

function ActiveRollouts() {
  const active = [...live.rollouts.value.values()]
    .filter(({ status }) => status === 'active' || status === 'paused' || status === 'scheduled')
    .sort((a, b) => b.id - a.id);
  return (
    <Panel title="Rollouts" aside={<a href="/rollouts">All rollouts</a>}>
      {active.length === 0 ? (
        <Empty title="No rollout is active.">
          <a href="/rollouts/new">New rollout</a>
        </Empty>
      ) : (
        <ul class="rollout-list">
          {active.map((rollout) => (
            <RolloutLine key={rollout.id} rollout={rollout} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function RolloutLine({ rollout }: { rollout: Rollout }) {
  return (
    <li>
      <div class="line">
        <a href={`/rollouts/${rollout.id}`}>
          {rollout.firmware_version} <span class="hint">rollout {rollout.id}</span>
        </a>
        <RolloutState status={rollout.status} />
        <span class="hint">
          {count(rollout.completed_count)} of {counted(rollout.total_targets, 'printer')}
          {rollout.failed_count > 0 && <b class="alarm">, {count(rollout.failed_count)} failed</b>}
        </span>
      </div>
      <StackedBar parts={partsOf(rollout)} label={`Rollout ${rollout.id}`} slim />
    </li>
  );
}

const SPANS = [
  [24, '1 day'],
  [168, '1 week'],
  [720, '30 days'],
  [8_760, '1 year'],
] as const;
const COLOURS = 8;

function VersionsOverTime() {
  const [hours, setHours] = useState<number>(24);
  const { data, error, reload } = useLoad(`history ${hours}`, (stop) => api.fleetHistory(hours, stop));
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
        <Loading />
      ) : (
        <Plot
          label="Printers by version"
          times={data.points.map(({ at }) => at)}
          series={data.versions.map((version, index) => ({
            label: version,
            color: `v${Math.min(index, COLOURS - 1)}`,
            values: data.points.map((point) => point.printers[index] ?? 0),
          }))}
        />
      )}
    </Panel>
  );
}
