import { useLocation } from 'preact-iso';
import { api } from '../../api/api';
import type { Printer } from '../../api/types';
import { choose } from '../../ui/chosen-printers';
import { Confirm } from '../../ui/dialog';
import { Panel } from '../../ui/parts';
import { ScopeNote, ScopedButton } from '../../ui/scoped';

/** What can be done to a printer, and has to be confirmed. */
export type Act = 'block' | 'let-in' | 'forget-key' | 'delete';

/** What shuts a printer out, or takes it off the record. */
export function Actions({ printer, ask }: { printer: Printer; ask: (act: Act) => void }) {
  return (
    <Panel title="Access">
      <ul class="doings">
        {printer.blocked ? (
          <li>
            <span>Blocked: it cannot connect, and no rollout includes it.</span>
            <ScopedButton scope="admin" class="small quiet" onClick={() => ask('let-in')}>
              Unblock
            </ScopedButton>
          </li>
        ) : (
          <li>
            <span>Block it until you unblock it: it cannot connect, and no rollout includes it.</span>
            <ScopedButton scope="admin" class="small danger quiet" onClick={() => ask('block')}>
              Block
            </ScopedButton>
          </li>
        )}
        <li>
          <span>
            {printer.has_key
              ? 'It has its own key, and must present it whenever it connects.'
              : 'It has no key yet: anyone who knows its UUID can impersonate it.'}
          </span>
          {printer.has_key && (
            <ScopedButton scope="admin" class="small danger quiet" onClick={() => ask('forget-key')}>
              Reset its key
            </ScopedButton>
          )}
        </li>
        <li>
          <span>Delete it and its history.</span>
          <ScopedButton scope="admin" class="small danger quiet" onClick={() => ask('delete')}>
            Delete
          </ScopedButton>
        </li>
      </ul>
      <ScopeNote scope="admin" />
    </Panel>
  );
}

/** Asks before something is done to a printer, and does it. */
export function ConfirmAct({
  act,
  printer,
  changed,
  close,
}: {
  act: Act;
  printer: Printer;
  /** Called after a change. */
  changed: () => void;
  close: () => void;
}) {
  const { route } = useLocation();
  const key = String(printer.id);
  const change = async (change: { blocked?: boolean; reset_key?: boolean }): Promise<void> => {
    await api.changePrinter(key, change);
    changed();
  };
  const remove = async (): Promise<void> => {
    await api.deletePrinter(key);
    choose([printer.uuid], false);
    route('/printers', true);
  };
  switch (act) {
    case 'block':
      return (
        <Confirm
          title={`Block ${printer.name}?`}
          action="Block it"
          dangerous
          run={() => change({ blocked: true })}
          close={close}
        >
          <p>
            It is disconnected at once. Until you unblock it, it cannot connect, gets no updates, and counts
            in no rollout. An update in progress fails.
          </p>
        </Confirm>
      );
    case 'let-in':
      return (
        <Confirm
          title={`Unblock ${printer.name}?`}
          action="Unblock it"
          run={() => change({ blocked: false })}
          close={close}
        >
          <p>It can connect again, and then gets any update that is due.</p>
        </Confirm>
      );
    case 'forget-key':
      return (
        <Confirm
          title={`Reset the key of ${printer.name}?`}
          action="Reset its key"
          dangerous
          run={() => change({ reset_key: true })}
          close={close}
        >
          <p>
            It is disconnected, and the next key presented with its UUID becomes its key. Do this if the
            printer was reset and has lost its key. Until it reconnects, anyone who knows its UUID can
            impersonate it.
          </p>
        </Confirm>
      );
    case 'delete':
      return (
        <Confirm title={`Delete ${printer.name}?`} action="Delete it" dangerous run={remove} close={close}>
          <p>
            The printer and its history are deleted for good, and rollouts no longer count it. If it connects
            again, it registers as a new printer: to keep it out, block it instead.
          </p>
        </Confirm>
      );
  }
}
