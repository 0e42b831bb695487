import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { live, noteRollout } from '../../api/live';
import type { Decision, PastUpdate, Printer } from '../../api/types';
import { address } from '../../ui/address';
import { Confirm } from '../../ui/dialog';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { RolloutState } from '../../ui/rollout-parts';
import { ScopedButton } from '../../ui/scoped';
import { explain, verdict } from './reasons';
import type { Remedy } from './reasons';

const SHOWN_AT_FIRST = 8;

/** Why a printer is not updating, in words, with what can be done about it. */
export function Why({
  printer,
  decision,
  updates,
  letIn,
  retried,
}: {
  printer: Printer;
  decision: Decision;
  updates: readonly PastUpdate[];
  letIn: () => void;
  /** Called once failed updates are to be sent again. */
  retried: () => void;
}) {
  const { rollout_id: id } = decision;
  const rollout = id === null ? undefined : live.rollouts.value.get(id);
  const last = updates.find((update) => update.id !== null && update.rollout_id === id);
  const { kind, sentence, advice, remedy } = explain({
    printer,
    decision,
    rollout,
    last,
    underWay: updates.some(({ status }) => status === 'in_progress'),
  });
  return (
    <Panel title={decision.send || kind === 'good' || kind === 'busy' ? 'Next update' : TITLE}>
      <div class={`notice ${NOTICES[kind]}`}>
        <p class="sentence">{sentence}</p>
        {advice !== null && <p>{advice}</p>}
        <RemedyAction remedy={remedy} printer={printer} rolloutId={id} letIn={letIn} retried={retried} />
      </div>
      <Verdicts decision={decision} />
    </Panel>
  );
}

const TITLE = 'Why is it not updating?';

const NOTICES = { good: 'good', busy: '', warn: 'warn', bad: 'bad', idle: 'calm' } as const;

function RemedyAction({
  remedy,
  printer,
  rolloutId,
  letIn,
  retried,
}: {
  remedy: Remedy;
  printer: Printer;
  rolloutId: number | null;
  letIn: () => void;
  retried: () => void;
}) {
  const [asking, setAsking] = useState(false);
  switch (remedy) {
    case null:
      return null;
    case 'let-in':
      return (
        <ScopedButton scope="admin" class="small" onClick={letIn}>
          Unblock
        </ScopedButton>
      );
    case 'roll-out':
      return <RollOutHere printer={printer} small />;
    case 'rollout':
      return rolloutId === null ? null : <a href={`/rollouts/${rolloutId}`}>Go to rollout {rolloutId}</a>;
    case 'upload':
      return <a href="/firmware">Upload a build</a>;
    case 'firmware':
    case 'roll-out-between':
      return <a href="/firmware">Go to firmware</a>;
    case 'retry':
      if (rolloutId === null) return null;
      return (
        <div class="actions">
          <ScopedButton scope="rollouts:write" class="small" onClick={() => setAsking(true)}>
            Retry failed
          </ScopedButton>
          <a href={`/rollouts/${rolloutId}`}>Go to rollout {rolloutId}</a>
          {asking && <Retry rolloutId={rolloutId} retried={retried} close={() => setAsking(false)} />}
        </div>
      );
  }
}

function Retry({ rolloutId, retried, close }: { rolloutId: number; retried: () => void; close: () => void }) {
  const rollout = live.rollouts.value.get(rolloutId);
  const failed = rollout?.failed_count;
  return (
    <Confirm
      title={`Retry the failed updates of rollout ${rolloutId}?`}
      action="Retry failed"
      run={async () => {
        noteRollout(await api.retryRollout(rolloutId));
        retried();
      }}
      close={close}
    >
      <p>
        This sends the update again to every printer on which it failed
        {failed !== undefined && ` (${counted(failed, 'printer')} in all)`}, not only to this one.{' '}
        {rollout?.status === 'paused'
          ? 'The rollout is paused: nothing is sent until it is resumed.'
          : 'Printers that are online get it at once, the others when they connect.'}
      </p>
    </Confirm>
  );
}

/** Leads to a new rollout to one printer. */
export function RollOutHere({ printer, small = false }: { printer: Printer; small?: boolean }) {
  return (
    <a class={small ? 'button small' : 'button'} href={address('/rollouts/new', { printers: printer.uuid })}>
      Roll out to this printer
    </a>
  );
}

function Verdicts({ decision }: { decision: Decision }) {
  const [all, setAll] = useState(false);
  const { rollouts } = decision;
  if (rollouts.length === 0) return null;
  const shown = all ? rollouts : rollouts.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      <h3>Rollouts, in order of priority</h3>
      <ul class="verdicts">
        {shown.map((rollout) => (
          <li key={rollout.rollout_id} class={rollout.rollout_id === decision.rollout_id ? 'decides' : ''}>
            <span class="line">
              <a href={`/rollouts/${rollout.rollout_id}`}>Rollout {rollout.rollout_id}</a>
              <span>{rollout.firmware_version}</span>
              <RolloutState status={rollout.status} />
              {rollout.rollout_percentage < 100 && (
                <span class="hint">at {rollout.rollout_percentage} %</span>
              )}
            </span>
            <span class="hint">{verdict(rollout)}</span>
          </li>
        ))}
      </ul>
      {shown.length < rollouts.length && (
        <button type="button" class="small quiet" onClick={() => setAll(true)}>
          Show all {rollouts.length}
        </button>
      )}
    </>
  );
}
