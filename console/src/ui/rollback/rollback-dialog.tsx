import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { noteRollout } from '../../api/live';
import type { Firmware, RollbackPreview } from '../../api/types';
import { Confirm } from '../dialog';
import { count, counted } from '../format';
import { Failure, Loading } from '../parts';
import { useChangedPrinters, useLoad } from '../use-load';

const PREVIOUS = 'previous';

/** Asks for confirmation of a rollback, with its numbers; then opens the page that shows its progress. */
export function RollbackDialog({ version, close }: { version: string; close: () => void }) {
  const { route } = useLocation();
  const [to, setTo] = useState(PREVIOUS);
  const { data, error, reload } = useLoad(`rollback ${version} ${to}`, (stop) =>
    api.previewRollback(version, { to }, stop),
  );
  const older = useLoad(`older than ${version}`, async (stop) =>
    olderThan(version, await api.firmware(stop)),
  );
  useChangedPrinters(() => true, reload);
  const isNeeded = data === null || data.printers + data.under_way > 0;
  const isPossible = data !== null && data.missing.length === 0 && isNeeded;
  const moved = data === null ? 0 : data.printers - data.opted_out;
  return (
    <Confirm
      title={`Roll back ${version}?`}
      action={moved === 0 ? 'Roll back' : `Roll back ${counted(moved, 'printer')}`}
      dangerous
      ready={isPossible}
      run={async () => {
        const { rollouts } = await api.rollBack(version, { to });
        for (const rollout of rollouts) noteRollout(rollout);
        const [first] = rollouts;
        route(first === undefined ? '/rollouts' : `/rollouts/${first.id}`);
      }}
      close={close}
    >
      <Failure error={error} retry={reload} />
      <div role="status">{data === null ? error == null && <Loading /> : <Numbers preview={data} />}</div>
      {isNeeded && (
        <label>
          Printers go back to
          <select value={to} onChange={({ currentTarget }) => setTo(currentTarget.value)}>
            <option value={PREVIOUS}>what each of them ran before</option>
            {older.data?.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
    </Confirm>
  );
}

function Numbers({ preview }: { preview: RollbackPreview }) {
  const { firmware_version: version, printers, online, offline, under_way: underWay, cancels } = preview;
  const groups = preview.by_version.filter((group) => group.printers > 0);
  const moved = groups.filter((group) => group.printers > group.opted_out);
  if (printers + underWay === 0)
    return (
      <>
        <p class="headline">No printer runs {version}: there is nothing to roll back.</p>
        <p>To keep printers from getting it, cancel its rollouts, or deprecate it.</p>
      </>
    );
  return (
    <>
      <p class="headline">
        {printers === 0 ? (
          <>No printer runs {version} yet.</>
        ) : (
          <>
            <b>{counted(printers, 'printer runs', 'printers run')}</b> {version}: {count(online)} online,{' '}
            {count(offline)} offline.
          </>
        )}
      </p>
      <Missing preview={preview} />
      <ul>
        {moved.map((group) => (
          <li key={group.firmware_version}>
            <b>{counted(group.printers - group.opted_out, 'printer goes', 'printers go')}</b> back to{' '}
            {group.firmware_version}
            {group.offline > 0 &&
              `, ${group.opted_out > 0 ? 'those that are offline' : `${count(group.offline)} of them`} when they connect`}
            .
            {group.unknown > 0 &&
              ` It is not known what ${count(group.unknown)} of them ran before: they go where most of the others go.`}
          </li>
        ))}
        {preview.opted_out > 0 && (
          <li>
            <b>{counted(preview.opted_out, 'printer declines', 'printers decline')} automatic updates</b> and{' '}
            {preview.opted_out === 1 ? 'keeps' : 'keep'} {version}, unless you make{' '}
            {listOf(groups.filter((group) => group.opted_out > 0))} mandatory.
          </li>
        )}
        {underWay > 0 && (
          <li>
            {counted(underWay, 'more printer is', 'more printers are')} being updated to {version}, and moved
            back if that version is installed.
          </li>
        )}
        <li>
          {cancels.length === 0
            ? `No rollout of ${version} has to be cancelled.`
            : `${counted(cancels.length, 'rollout')} of ${version} ${cancels.length === 1 ? 'is' : 'are'} cancelled: `}
          {cancels.map(({ id, name }, index) => (
            <span key={id}>
              {index > 0 && ', '}
              {name ?? `rollout ${id}`}
            </span>
          ))}
        </li>
        {preview.also_rolls_back.map(({ firmware_version: newer, to, printers: left }) => (
          <li key={newer}>
            {newer} is being rolled back to {version}: {counted(left, 'printer', 'printers')} that still{' '}
            {left === 1 ? 'runs' : 'run'} it {left === 1 ? 'goes' : 'go'} to {to} instead.
          </li>
        ))}
        {preview.deprecates && <li>{version} is deprecated: it is no longer offered to any printer.</li>}
        <li>No other printer is affected.</li>
      </ul>
    </>
  );
}

function listOf(groups: RollbackPreview['by_version']): string {
  return groups.map((group) => group.firmware_version).join(' and ');
}

/** Why it would be refused. */
function Missing({ preview: { missing } }: { preview: RollbackPreview }) {
  if (missing.length === 0) return null;
  return (
    <div class="notice bad">
      <p>This rollback is not possible:</p>
      <ul>
        {missing.map(({ firmware_version: version, platform, description, printers }, index) => (
          <li key={index}>
            {version !== null && <b>{version}</b>}
            {platform !== null && ` for ${platform}`}
            {version !== null && ': '}
            {description}
            {printers > 0 && ` (${counted(printers, 'printer')})`}
          </li>
        ))}
      </ul>
      <p>
        <a href="/firmware">Upload what is missing</a>, or choose another version below.
      </p>
    </div>
  );
}

/** The versions below one in a list that begins with the highest, without the deprecated ones. */
function olderThan(version: string, firmware: readonly Firmware[]): string[] {
  const last = firmware.map((row) => row.version).lastIndexOf(version);
  const offered = firmware.slice(last + 1).filter((row) => row.deprecated_at === null);
  return [...new Set(offered.map((row) => row.version))];
}
