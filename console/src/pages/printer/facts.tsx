import type { PastUpdate, Printer } from '../../api/types';
import { address } from '../../ui/address';
import { CopyButton, Panel } from '../../ui/parts';
import { PrinterState } from '../../ui/printer-state';
import { ProblemList } from '../../ui/problem-list';
import { When } from '../../ui/when';
import { versionOf } from '../../ui/version';

/** Who a printer is, and what it runs. */
export function Facts({ printer, bucket }: { printer: Printer; bucket: number | null }) {
  return (
    <Panel title="Details">
      <dl class="facts">
        <dt>Status</dt>
        <dd>
          <PrinterState printer={printer} />
          <span class="hint">
            {printer.online ? ', connected ' : ', last connected '}
            <When at={printer.last_connected} />
          </span>
        </dd>
        <dt>Runs</dt>
        <dd>
          <a href={address('/printers', { firmware_version: printer.firmware_version ?? 'unknown' })}>
            {versionOf(printer)}
          </a>
        </dd>
        <dt>Channel</dt>
        <dd>{printer.update_channel}</dd>
        <dt>Auto-update</dt>
        <dd>{printer.auto_update ? 'on' : 'off'}</dd>
        <dt>Board</dt>
        <dd>{printer.platform ?? 'not reported'}</dd>
        <dt>Number</dt>
        <dd>{printer.id}</dd>
        <dt>UUID</dt>
        <dd class="copied">
          <span class="mono">{printer.uuid}</span> <CopyButton text={printer.uuid} />
        </dd>
        <dt>Owner</dt>
        <dd>
          <a class="mono" href={address('/printers', { user_id: printer.user_id })}>
            {printer.user_id}
          </a>
        </dd>
        <dt>Last address</dt>
        <dd>{printer.last_ip ?? 'unknown'}</dd>
        <dt>Registered</dt>
        <dd>
          <When at={printer.created_at} />
        </dd>
        <dt>Key</dt>
        <dd>{printer.has_key ? 'registered' : 'none yet'}</dd>
        {bucket !== null && (
          <>
            <dt>Bucket</dt>
            <dd>
              {bucket}
              <span class="hint">, reached by gradual rollouts at {bucket + 1} %</span>
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}

/** What the printer sends that cannot be used; nothing if all of it can be. */
export function Problems({ printer: { problems } }: { printer: Printer }) {
  if (problems.length === 0) return null;
  return (
    <Panel title="Problems">
      <ProblemList problems={problems} />
      <p class="hint">It still gets updates: one of them may fix this.</p>
    </Panel>
  );
}

/** The update that is under way, as it moves. */
export function UnderWay({ update }: { update: PastUpdate }) {
  const { last_percent: percent, last_status_message: message, rollout_id: rollout } = update;
  const known = percent !== null && percent >= 0;
  return (
    <Panel
      title={`Updating to ${update.firmware_version}`}
      aside={rollout === null ? null : <a href={`/rollouts/${rollout}`}>Rollout {rollout}</a>}
    >
      <progress
        aria-label={`Update to ${update.firmware_version}`}
        max={100}
        {...(known ? { value: percent } : {})}
      />
      <p class="under-way">
        <span>
          {known ? <b>{percent} %</b> : 'No progress reported yet'}
          {message !== null && <>, “{message}”</>}
        </span>
        {update.started_at !== null && (
          <span class="hint">
            sent <When at={update.started_at} />
          </span>
        )}
      </p>
    </Panel>
  );
}
