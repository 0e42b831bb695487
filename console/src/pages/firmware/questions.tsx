import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { live } from '../../api/live';
import { ApiError } from '../../api/request';
import type { Channel, Firmware } from '../../api/types';
import { CHANNELS } from '../../ui/channels';
import { Confirm } from '../../ui/dialog';
import { RolloutState } from '../../ui/rollout-parts';
import { boardText, rolloutsOf, rowOf } from './builds';
import { NotesFields, SignatureField } from './upload-fields';
import { useSigningKeys } from './use-signing-keys';

interface Asked {
  row: Firmware;
  close: () => void;
  /** Called when the server has changed something. */
  changed: () => void;
}

/** Asks into which channel a binary is to go. */
export function PromoteQuestion({ row, missing, close, changed }: Asked & { missing: readonly Channel[] }) {
  const [to, setTo] = useState<Channel | undefined>(next(row.channel, missing));
  return (
    <Confirm
      title={`Promote ${row.version} from ${row.channel}`}
      action={to === undefined ? 'Promote' : `Promote to ${to}`}
      ready={to !== undefined}
      run={async () => {
        if (to === undefined) return;
        await api.promoteFirmware(row.version, rowOf(row), to);
        changed();
      }}
      close={close}
    >
      <fieldset>
        <legend>To the channel</legend>
        <div class="choices">
          {missing.map((channel) => (
            <label key={channel}>
              <input
                type="radio"
                name="promote-to"
                checked={channel === to}
                onChange={() => setTo(channel)}
              />
              {channel}
            </label>
          ))}
        </div>
      </fieldset>
      <p>
        The same binary, with its notes and its signature, becomes available there, too. Nothing is uploaded
        again, and it stays in {row.channel}.
      </p>
      <p>This sends nothing to printers: only a rollout does.</p>
    </Confirm>
  );
}

/** The next more stable channel, else the nearest one. */
function next(from: Channel, missing: readonly Channel[]): Channel | undefined {
  const rank = CHANNELS.indexOf(from);
  return missing.filter((channel) => CHANNELS.indexOf(channel) < rank).at(-1) ?? missing[0];
}

/** Asks whether a version is to be withdrawn from a channel, or offered there again. */
export function DeprecateQuestion({ row, close, changed }: Asked) {
  const isDeprecated = row.deprecated_at !== null;
  const run = async (): Promise<void> => {
    await api.changeFirmware(row.version, rowOf(row), { deprecated: !isDeprecated });
    changed();
  };
  if (isDeprecated) {
    return (
      <Confirm
        title={`Offer ${row.version} in ${row.channel} again?`}
        action="Offer it again"
        run={run}
        close={close}
      >
        <p>Its active rollouts send it again at once.</p>
        <RolloutsOf row={row} />
      </Confirm>
    );
  }
  return (
    <Confirm
      title={`Deprecate ${row.version} in ${row.channel}?`}
      action="Deprecate"
      dangerous
      run={run}
      close={close}
    >
      <p>
        It is no longer offered from {row.channel}: rollouts stop sending it, and it is no longer the latest
        there. Printers that run it keep it. You can still download it, or offer it again.
      </p>
      <RolloutsOf row={row} />
    </Confirm>
  );
}

/** Asks whether a build is to be deleted from a channel. */
export function DeleteQuestion({ row, close, changed }: Asked) {
  return (
    <Confirm
      title={`Delete ${row.version} from ${row.channel}?`}
      action="Delete"
      dangerous
      run={async () => {
        await api.deleteFirmware(row.version, rowOf(row));
        changed();
      }}
      close={close}
    >
      <p>
        The build for {boardText(row.platform)} is removed from {row.channel}, with its counts and notes. The
        binary itself is deleted with the last channel that has it. This cannot be undone. The update history
        keeps the version’s name.
      </p>
      <RolloutsOf row={row} />
    </Confirm>
  );
}

function RolloutsOf({ row }: { row: Firmware }) {
  const rollouts = rolloutsOf(row.version, live.rollouts.value.values());
  if (rollouts.length === 0) return <p class="hint">No rollout of {row.version} is open.</p>;
  return (
    <>
      <p>Open rollouts of {row.version}:</p>
      <ul>
        {rollouts.map(({ id, status }) => (
          <li key={id}>
            <a href={`/rollouts/${id}`}>Rollout {id}</a> <RolloutState status={status} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Changes notes and the mandatory flag, and signs a build that was uploaded before there was a key. */
export function EditQuestion({ row, close, changed }: Asked) {
  const [draft, setDraft] = useState({
    release_notes: row.release_notes ?? '',
    changelog: row.changelog ?? '',
    mandatory: row.mandatory,
  });
  const needsSignature = useSigningKeys() && row.signature === null;
  const [signature, setSignature] = useState('');
  const [error, setError] = useState<unknown>(null);
  const errorOf = (field: string): string | null => (error instanceof ApiError ? error.of(field) : null);
  const run = async (): Promise<void> => {
    try {
      await api.changeFirmware(row.version, rowOf(row), {
        release_notes: orNull(draft.release_notes),
        changelog: orNull(draft.changelog),
        mandatory: draft.mandatory,
        ...(signature.trim() === '' ? {} : { signature: signature.trim() }),
      });
    } catch (failure) {
      setError(failure);
      throw failure;
    }
    changed();
  };
  return (
    <Confirm title={`Edit ${row.version} in ${row.channel}`} action="Save" run={run} close={close}>
      <NotesFields
        draft={draft}
        change={(part) => setDraft((old) => ({ ...old, ...part }))}
        errorOf={errorOf}
      />
      {draft.mandatory && !row.mandatory && (
        <p class="notice warn">From now on, active rollouts send it to printers with auto_update off, too.</p>
      )}
      {needsSignature && (
        <SignatureField value={signature} change={setSignature} error={errorOf('signature')} />
      )}
    </Confirm>
  );
}

function orNull(text: string): string | null {
  return text.trim() === '' ? null : text;
}
