import { useLocation } from 'preact-iso';
import { api } from '../../api/api';
import type { Printer } from '../../api/types';
import { choose } from '../../ui/chosen-printers';
import { Confirm } from '../../ui/dialog';
import { Panel } from '../../ui/parts';

/** What can be done to a printer, and has to be confirmed. */
export type Act = 'block' | 'let-in' | 'forget-key' | 'delete';

/** What shuts a printer out, or takes it off the record. */
export function Actions({ printer, ask }: { printer: Printer; ask: (act: Act) => void }) {
  return (
    <Panel title="Access">
      <ul class="doings">
        {printer.blocked ? (
          <li>
            <span>It is shut out: it gets nothing, and reports nothing.</span>
            <button type="button" class="small quiet" onClick={() => ask('let-in')}>
              Let it in again
            </button>
          </li>
        ) : (
          <li>
            <span>Shut it out until it is let in again.</span>
            <button type="button" class="small danger quiet" onClick={() => ask('block')}>
              Block
            </button>
          </li>
        )}
        <li>
          <span>
            {printer.has_key
              ? 'It has a key of its own, and must show it whenever it connects.'
              : 'It has shown no key: whoever has its UUID can speak for it.'}
          </span>
          {printer.has_key && (
            <button type="button" class="small danger quiet" onClick={() => ask('forget-key')}>
              Forget its key
            </button>
          )}
        </li>
        <li>
          <span>Take it off the record, with its history.</span>
          <button type="button" class="small danger quiet" onClick={() => ask('delete')}>
            Delete
          </button>
        </li>
      </ul>
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
            It is disconnected at once. Until it is let in again it cannot connect, gets no updates, and what
            it reports counts for nothing: an update that is under way will be taken as failed.
          </p>
        </Confirm>
      );
    case 'let-in':
      return (
        <Confirm
          title={`Let ${printer.name} in again?`}
          action="Let it in"
          run={() => change({ blocked: false })}
          close={close}
        >
          <p>It can connect again, and is then sent whatever is due for it.</p>
        </Confirm>
      );
    case 'forget-key':
      return (
        <Confirm
          title={`Forget the key of ${printer.name}?`}
          action="Forget its key"
          dangerous
          run={() => change({ reset_key: true })}
          close={close}
        >
          <p>
            It is disconnected, and the next key that is shown under its UUID counts from then on. Do this
            when the printer was reset and has lost its key: until it is back, whoever knows its UUID can take
            its place.
          </p>
        </Confirm>
      );
    case 'delete':
      return (
        <Confirm title={`Delete ${printer.name}?`} action="Delete it" dangerous run={remove} close={close}>
          <p>
            The printer and its history are deleted for good, and rollouts count it no more. If it is still
            out there, it registers itself as a new printer when it next connects: to keep it out, block it
            instead.
          </p>
        </Confirm>
      );
  }
}
