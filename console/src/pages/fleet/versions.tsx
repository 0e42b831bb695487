import { useState } from 'preact/hooks';
import type { Summary, VersionCount } from '../../api/types';
import { address } from '../../ui/address';
import { count, shares } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { Legend, StackedBar } from '../../ui/stacked-bar';
import type { Part } from '../../ui/stacked-bar';
import { When } from '../../ui/when';

const SHOWN = 12;

/** Which versions the fleet runs, and the update status of their printers. */
export function Versions({ summary }: { summary: Summary }) {
  const { versions, counted_at: countedAt } = summary;
  const [all, showAll] = useState(false);
  const shareOf = shares(versions.map(({ printers }) => printers));
  const shown = all ? versions : versions.slice(0, SHOWN);
  if (countedAt === null) {
    return (
      <Panel title="Versions">
        <p class="loading" aria-busy="true">
          Counting {count(summary.printers.total)} printers
        </p>
      </Panel>
    );
  }
  return (
    <Panel
      title="Versions"
      aside={
        <span class="hint">
          Counted <When at={countedAt} />
        </span>
      }
    >
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
              Update status
            </th>
            <th scope="col" class="number">
              Behind while online
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((version, index) => (
            <VersionRow key={version.version} version={version} share={shareOf[index] ?? ''} />
          ))}
        </tbody>
      </table>
      {shown.length < versions.length && (
        <button type="button" class="quiet small" onClick={() => showAll(true)}>
          Show all {count(versions.length)}
        </button>
      )}
      <Legend parts={sumOf(versions)} />
      <p class="hint explain">
        <a href={address('/printers', BEHIND_ONLINE)}>Behind while online</a>: the printer is connected and
        its update is in progress, has failed, or was refused by the printer itself. Held back: a rollout
        includes the printer, but is paused, scheduled or not yet at its percentage; or its firmware is
        deprecated or damaged; or the printer is blocked, has automatic updates off (its update counts as
        declined) or reports a version that cannot be read.
      </p>
    </Panel>
  );
}

function VersionRow({ version, share }: { version: VersionCount; share: string }) {
  const { version: name, printers, behind_online: behind } = version;
  return (
    <tr>
      <td>
        {name === 'other' ? 'other' : <a href={address('/printers', { firmware_version: name })}>{name}</a>}
      </td>
      <td class="number">{count(printers)}</td>
      <td class="number">{share}</td>
      <td class="wide">
        <StackedBar parts={standing(version)} label={`Version ${name}`} />
      </td>
      <td class={behind > 0 ? 'number behind' : 'number'}>
        {behind > 0 ? (
          <a class="alarm" href={address('/printers', { ...BEHIND_ONLINE, ...versionFilter(name) })}>
            <b>{count(behind)}</b>
            <span class="visually-hidden"> printers with {name} behind while online</span>
          </a>
        ) : (
          '0'
        )}
        <span class="on-phone" aria-hidden="true">
          {' '}
          behind while online
        </span>
      </td>
    </tr>
  );
}

const BEHIND_ONLINE = { behind: true, online: true };

/** The version that a row is about, as a filter of printers; the row of all others has none. */
function versionFilter(name: string): { firmware_version?: string } {
  return name === 'other' ? {} : { firmware_version: name };
}

const STANDINGS = [
  ['on_target', 'On target'],
  ['held', 'Held back'],
  ['behind_offline', 'Behind: offline'],
  ['behind_online', 'Behind while online'],
] as const;

function standing(version: VersionCount): Part[] {
  return STANDINGS.map(([kind, label]) => ({ kind, label, value: version[kind] }));
}

function sumOf(versions: readonly VersionCount[]): Part[] {
  return STANDINGS.map(([kind, label]) => ({
    kind,
    label,
    value: versions.reduce((sum, version) => sum + version[kind], 0),
  }));
}
