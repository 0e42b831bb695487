import type { Rollout } from '../../api/types';
import { creatorText } from '../../ui/creator';
import { counted, exactTime, utcTime } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { targetText } from '../../ui/rollout-parts';
import { When } from '../../ui/when';
import { Requests } from './requests';

/** What a rollout was created as, and the requests that show and change it. */
export function Facts({ rollout }: { rollout: Rollout }) {
  const { target, scheduled_for: scheduledFor } = rollout;
  return (
    <Panel title="Details">
      <dl class="facts">
        {rollout.note !== null && (
          <>
            <dt>Note</dt>
            <dd class="note">{rollout.note}</dd>
          </>
        )}
        <dt>Firmware</dt>
        <dd>
          <a href="/firmware">{rollout.firmware_version}</a>
          {rollout.firmware_version_id === null && <span class="hint"> (deleted since)</span>}
        </dd>
        <dt>For</dt>
        <dd>
          {targetText(rollout)}
          <Names ids={target.user_ids} href={(id) => `/printers?user_id=${id}`} />
          <Names ids={target.printer_ids} href={(id) => `/printers/${id}`} />
        </dd>
        <dt>Type</dt>
        <dd>{rollout.rollout_type}</dd>
        <dt>Percentage</dt>
        <dd>{rollout.rollout_percentage} %</dd>
        {scheduledFor !== null && (
          <>
            <dt>Scheduled for</dt>
            <dd>
              {exactTime(scheduledFor)}{' '}
              <span class="hint">
                ({utcTime(scheduledFor)}, <When at={scheduledFor} />)
              </span>
            </dd>
          </>
        )}
        <dt>Created</dt>
        <dd>
          {exactTime(rollout.created_at)}{' '}
          <span class="hint">
            (<When at={rollout.created_at} />)
          </span>{' '}
          by {creatorText(rollout.created_by)}
        </dd>
        <dt>Downgrades</dt>
        <dd>
          {rollout.allow_downgrade
            ? 'allowed: printers with a newer version are moved back'
            : 'not allowed, except from a version whose rollout has been cancelled'}
        </dd>
      </dl>
      <Requests rollout={rollout} />
    </Panel>
  );
}

// A rollout can name thousands; they are for a look, not for a search.
const SHOWN = 100;

function Names({ ids, href }: { ids: string[] | null; href: (id: string) => string }) {
  if (ids === null) return null;
  return (
    <details class="names">
      <summary>{counted(ids.length, 'UUID')}</summary>
      <ul>
        {ids.slice(0, SHOWN).map((id) => (
          <li key={id}>
            <a class="mono" href={href(id)}>
              {id}
            </a>
          </li>
        ))}
      </ul>
      {ids.length > SHOWN && <p class="hint">And {counted(ids.length - SHOWN, 'more', 'more')}.</p>}
    </details>
  );
}
