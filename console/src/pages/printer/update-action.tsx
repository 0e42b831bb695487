import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import type { PastUpdate, Printer } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { ScopedButton } from '../../ui/scoped';

/** Aborts an update that is under way, or sends a failed one again; nothing for any other. */
export function UpdateAction({
  printer,
  update,
  changed,
}: {
  printer: Printer;
  update: PastUpdate;
  changed: () => void;
}) {
  const [isAsking, setAsking] = useState(false);
  const { id, status, firmware_version: version } = update;
  if (id === null || (status !== 'in_progress' && status !== 'failed')) return null;
  const isAbort = status === 'in_progress';
  const run = async (): Promise<void> => {
    const key = String(printer.id);
    await (isAbort ? api.abortUpdate(key, id) : api.retryUpdate(key, id));
    changed();
  };
  return (
    <>
      <ScopedButton
        scope="rollouts:write"
        class={isAbort ? 'small danger quiet' : 'small quiet'}
        onClick={() => setAsking(true)}
      >
        {isAbort ? 'Abort' : 'Retry'}
        <span class="visually-hidden"> the update to {version}</span>
      </ScopedButton>
      {isAsking && (
        <Confirm
          title={isAbort ? `Abort the update to ${version}?` : `Send ${version} to ${printer.name} again?`}
          action={isAbort ? 'Abort the update' : 'Send it again'}
          dangerous={isAbort}
          run={run}
          close={() => setAsking(false)}
        >
          <p>
            {isAbort
              ? 'The update counts as failed, and the printer can get another one. A printer that is already downloading may still finish: if it reconnects with the new version, the update counts as completed.'
              : printer.online
                ? 'It is sent at once, and only to this printer.'
                : 'It is sent as soon as this printer connects, and only to this printer.'}
          </p>
        </Confirm>
      )}
    </>
  );
}
