import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import type { Channel, SimulatedFleet, SimulatedPrinters } from '../../api/types';
import { ApiError } from '../../api/request';
import { textOf } from '../../ui/form';
import { counted } from '../../ui/format';
import { Failure, Panel } from '../../ui/parts';

const SHARES = [
  ['fail', 'Fail', 'They report that the update failed.'],
  ['decline', 'Decline', 'They refuse the update.'],
  ['hang', 'Hang', 'They take it, and are silent from then on.'],
  ['roll_back', 'Roll back', 'They install it, and come back with the old version.'],
] as const;
const CHANNELS: readonly Channel[] = ['stable', 'beta', 'canary'];
const AT_FIRST = 20;

/** Adds virtual printers. */
export function AddPrinters({ room, added }: { room: number; added: (fleet: SimulatedFleet) => void }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<string | null>(null);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const wanted = read(new FormData(form));
    setDone(null);
    if (typeof wanted === 'string') {
      setError(new Error(wanted));
      return;
    }
    setBusy(true);
    setError(null);
    try {
      added(await api.simulate(wanted));
      setDone(`${counted(wanted.printers, 'virtual printer')} added.`);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  const wrong = (field: string): string | null => (error instanceof ApiError ? error.of(field) : null);
  return (
    <Panel title="Add virtual printers">
      <form
        class="try-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <div class="filters">
          <label>
            How many
            <input
              name="printers"
              type="number"
              inputMode="numeric"
              min={1}
              max={Math.max(room, 1)}
              required
              defaultValue={String(Math.min(AT_FIRST, Math.max(room, 1)))}
              aria-invalid={wrong('printers') !== null || undefined}
            />
          </label>
          <label>
            Version that they run
            <input
              name="version"
              defaultValue="1.0.0"
              required
              autocomplete="off"
              aria-invalid={wrong('version') !== null || undefined}
            />
          </label>
          <label>
            Channel
            <select name="channel">
              {CHANNELS.map((channel) => (
                <option key={channel} value={channel}>
                  {channel}
                </option>
              ))}
            </select>
          </label>
        </div>
        <fieldset>
          <legend>When an update comes, how many of a hundred</legend>
          <div class="filters">
            {SHARES.map(([name, label, hint]) => (
              <label key={name}>
                {label}, in %
                <input
                  name={name}
                  type="number"
                  inputMode="numeric"
                  min={0}
                  max={100}
                  required
                  defaultValue="0"
                  aria-describedby={`about-${name}`}
                />
                <small id={`about-${name}`}>{hint}</small>
              </label>
            ))}
          </div>
        </fieldset>
        <Failure error={error} />
        <div class="actions">
          <button type="submit" disabled={busy || room === 0} aria-busy={busy}>
            Add them
          </button>
          <span class="hint" role="status">
            {done ??
              (room === 0 ? 'No more fit: take some away first.' : `${counted(room, 'more', 'more')} fit.`)}
          </span>
        </div>
      </form>
    </Panel>
  );
}

/** What the form says; or, as a text, what is wrong with it. */
function read(fields: FormData): SimulatedPrinters | string {
  const shares = SHARES.map(([name]) => [name, Number(textOf(fields, name))] as const);
  const together = shares.reduce((sum, [, share]) => sum + share, 0);
  if (together > 100) return `Of a hundred printers, ${together} cannot do something else: at most 100 can.`;
  return {
    printers: Number(textOf(fields, 'printers')),
    version: textOf(fields, 'version'),
    channel: CHANNELS.find((channel) => channel === textOf(fields, 'channel')) ?? 'stable',
    ...Object.fromEntries(shares.map(([name, share]) => [name, share / 100])),
  };
}
