import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { ApiError } from '../../api/request';
import type { SimulatedPrinters, SimulatedFleet } from '../../api/types';
import { CHANNELS, channelOf } from '../../ui/channels';
import { Field, FormFailure, isAllBeside, useFocusOnError } from '../../ui/field';
import { textOf } from '../../ui/form';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { ScopeNote, ScopedButton } from '../../ui/scoped';

const SHARES = [
  ['fail', 'Fail, in %', 'They report that the update failed.'],
  ['decline', 'Decline, in %', 'They refuse the update.'],
  ['hang', 'Hang, in %', 'They accept it, then go silent.'],
  ['roll_back', 'Roll back, in %', 'They install it, then reconnect with the old version.'],
] as const;
const FIELDS = ['printers', 'version', 'channel', ...SHARES.map(([name]) => name)];
const AT_FIRST = 20;

/** Adds virtual printers. */
export function AddPrinters({ room, added }: { room: number; added: (fleet: SimulatedFleet) => void }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const form = useFocusOnError(error);
  const add = async (wanted: SimulatedPrinters): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(null);
    setDone(null);
    try {
      added(await api.simulate(wanted));
      setDone(`${counted(wanted.printers, 'virtual printer')} added.`);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  const wrong = (field: string): string | null => (error instanceof ApiError ? error.of(field) : null);
  const most = Math.max(room, 1);
  return (
    <Panel title="Add virtual printers">
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void add(read(new FormData(event.currentTarget)));
        }}
      >
        <div class="field-row">
          <Field label="How many" error={wrong('printers')}>
            {(attributes) => (
              <input
                {...attributes}
                name="printers"
                type="number"
                inputMode="numeric"
                min={1}
                max={most}
                required
                defaultValue={String(Math.min(AT_FIRST, most))}
              />
            )}
          </Field>
          <Field label="Firmware version" error={wrong('version')}>
            {(attributes) => (
              <input {...attributes} name="version" defaultValue="1.0.0" required autocomplete="off" />
            )}
          </Field>
          <Field label="Channel" error={wrong('channel')}>
            {(attributes) => (
              <select {...attributes} name="channel">
                {CHANNELS.map((channel) => (
                  <option key={channel} value={channel}>
                    {channel}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <fieldset>
          <legend>How some of them react to an update; the others install it</legend>
          <div class="field-row shares">
            {SHARES.map(([name, label, hint]) => (
              <Field key={name} label={label} hint={hint} error={wrong(name)}>
                {(attributes) => (
                  <input
                    {...attributes}
                    name={name}
                    type="number"
                    inputMode="numeric"
                    min={0}
                    max={100}
                    required
                    defaultValue="0"
                    onInput={limitTogether}
                  />
                )}
              </Field>
            ))}
          </div>
        </fieldset>
        <FormFailure error={error} isBesideField={isAllBeside(error, FIELDS)} />
        <div class="actions">
          <ScopedButton scope="admin" type="submit" disabled={room === 0} aria-busy={busy}>
            Add printers
          </ScopedButton>
          <span class="hint" role="status">
            {room === 0 ? 'The limit is reached: remove some first.' : done}
          </span>
          <ScopeNote scope="admin" />
        </div>
      </form>
    </Panel>
  );
}

/** Lets the browser say that the shares are more than all, before the server does in its own terms. */
function limitTogether({ currentTarget: { form } }: { currentTarget: HTMLInputElement }): void {
  if (form === null) return;
  const inputs = SHARES.map(([name]) => form.elements.namedItem(name)).filter(
    (input) => input instanceof HTMLInputElement,
  );
  const together = inputs.reduce((sum, input) => sum + Number(input.value), 0);
  const complaint = together > 100 ? `These add up to ${together} %, but can be 100 % at most.` : '';
  for (const input of inputs) input.setCustomValidity(complaint);
}

function read(fields: FormData): SimulatedPrinters {
  const share = (name: string): number => Number(textOf(fields, name)) / 100;
  return {
    printers: Number(textOf(fields, 'printers')),
    version: textOf(fields, 'version'),
    channel: channelOf(textOf(fields, 'channel')) ?? 'stable',
    fail: share('fail'),
    decline: share('decline'),
    hang: share('hang'),
    roll_back: share('roll_back'),
  };
}
