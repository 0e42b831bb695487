import type { Channel } from '../../api/types';
import { CHANNELS } from '../../ui/channels';
import { Field } from '../../ui/field';
import { counted } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { channelsOf } from './draft';
import type { Method } from './draft';
import type { FieldsProps } from './firmware-fields';
import { readUuids } from './uuids';

const METHODS = [
  ['channels', 'By channel', 'printers that follow the channels below'],
  ['all', 'All printers', 'on every channel, or only on those selected below'],
  ['user_ids', 'By user', 'a list of UUIDs'],
  ['printer_ids', 'By printer', 'a list of UUIDs'],
] as const satisfies ReadonlyArray<readonly [Method, string, string]>;

/** Whom a rollout is for. */
export function TargetFields(props: FieldsProps) {
  const { draft, change, errorOf } = props;
  const { method } = draft;
  return (
    <Panel title="Target">
      <fieldset>
        <legend>Who gets it</legend>
        <div class="methods">
          {METHODS.map(([name, label, hint]) => (
            <label key={name}>
              <input
                type="radio"
                name="method"
                checked={method === name}
                onChange={() => change({ method: name })}
              />
              <span>
                {label} <span class="hint">{hint}</span>
              </span>
            </label>
          ))}
        </div>
        {errorOf('target') !== null && <p class="field-error">{errorOf('target')}</p>}
      </fieldset>
      {(method === 'user_ids' || method === 'printer_ids') && <ListField {...props} name={method} />}
      <ChannelFields {...props} />
      <div class="field-row">
        <VersionField
          label="From version"
          hint="min_version, inclusive; empty: any"
          value={draft.minVersion}
          change={(minVersion) => change({ minVersion })}
          error={errorOf('target.min_version')}
        />
        <VersionField
          label="Up to version"
          hint="max_version, inclusive; empty: any"
          value={draft.maxVersion}
          change={(maxVersion) => change({ maxVersion })}
          error={errorOf('target.max_version')}
        />
      </div>
    </Panel>
  );
}

function ListField({ draft, change, errorOf, name }: FieldsProps & { name: 'user_ids' | 'printer_ids' }) {
  const list = readUuids(draft.lists[name]);
  const one = name === 'user_ids' ? 'user' : 'printer';
  const repeated = list.repeated === 0 ? '' : `; ${list.repeated} repeated`;
  return (
    <Field
      label={name === 'user_ids' ? 'UUIDs of users' : 'UUIDs of printers'}
      hint={`One per line: ${counted(list.ids.length, one)}${repeated}`}
      error={errorOf(`target.${name}`)}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          class="mono"
          rows={6}
          value={draft.lists[name]}
          autocomplete="off"
          spellcheck={false}
          placeholder="770e8400-e29b-41d4-a716-446655440000"
          onInput={({ currentTarget }) => change({ lists: { ...draft.lists, [name]: currentTarget.value } })}
        />
      )}
    </Field>
  );
}

function ChannelFields({ draft, change, errorOf }: FieldsProps) {
  const error = errorOf('target.channels');
  const chosen = channelsOf(draft);
  const toggle = (channel: Channel, isOn: boolean): void => {
    const next = CHANNELS.filter((one) => (one === channel ? isOn : chosen.includes(one)));
    change(draft.method === 'channels' ? { channels: next } : { narrowing: next });
  };
  return (
    <fieldset>
      <legend>{draft.method === 'channels' ? 'Channels' : 'Only in these channels'}</legend>
      <div class="choices">
        {CHANNELS.map((channel) => (
          <label key={channel}>
            <input
              type="checkbox"
              checked={chosen.includes(channel)}
              aria-invalid={error === null ? undefined : 'true'}
              onChange={({ currentTarget }) => toggle(channel, currentTarget.checked)}
            />
            {channel}
          </label>
        ))}
      </div>
      {error !== null && <p class="field-error">{error}</p>}
      {draft.method !== 'channels' && <p class="hint">None selected: every channel</p>}
    </fieldset>
  );
}

function VersionField({
  label,
  hint,
  value,
  change,
  error,
}: {
  label: string;
  hint: string;
  value: string;
  change: (value: string) => void;
  error: string | null;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => (
        <input
          {...attributes}
          value={value}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
    </Field>
  );
}
