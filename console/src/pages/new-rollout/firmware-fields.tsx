import { Field } from '../../ui/field';
import { Panel } from '../../ui/parts';
import { unreadyChannels } from './draft';
import type { Choice, Draft } from './draft';

/** What the parts of the form are given. */
export interface FieldsProps {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  /** What is wrong with a field, by the server's name for it. */
  errorOf: (field: string) => string | null;
}

/** Which version is rolled out. */
export function FirmwareFields({
  draft,
  change,
  errorOf,
  choices,
}: FieldsProps & { choices: readonly Choice[] }) {
  const isKnown = draft.version === '' || choices.some(({ version }) => version === draft.version);
  const unready = unreadyChannels(draft, choices);
  const home = choices.find(({ version }) => version === draft.version)?.channels ?? [];
  return (
    <Panel title="Firmware">
      <Field
        label="Version"
        hint="Deprecated versions are left out"
        error={
          errorOf('firmware_version') ??
          (isKnown ? null : `${draft.version} does not exist or is deprecated: choose another version`)
        }
      >
        {(attributes) => (
          <select
            {...attributes}
            value={isKnown ? draft.version : ''}
            onChange={({ currentTarget }) => change({ version: currentTarget.value })}
          >
            {(draft.version === '' || !isKnown) && <option value="">Choose a version</option>}
            {choices.map(({ version, channels }) => (
              <option key={version} value={version}>
                {version} ({channels.join(', ')})
              </option>
            ))}
          </select>
        )}
      </Field>
      {unready.length > 0 && (
        <p class="notice warn">
          {draft.version} is in {home.join(' and ')} only, but printers in {unready.join(' and ')} would get
          it, too. Choose other channels, or promote it on the <a href="/firmware">firmware page</a> first.
        </p>
      )}
      <label>
        <input
          type="checkbox"
          checked={draft.allowDowngrade}
          onChange={({ currentTarget }) => change({ allowDowngrade: currentTarget.checked })}
        />
        Allow downgrades (allow_downgrade)
      </label>
      {draft.allowDowngrade ? (
        <p class="notice warn">
          Printers that run a newer version are moved <b>back</b> to {draft.version || 'this one'}. Use this
          to undo an update. A board may refuse, or lose settings that the older version does not have.
        </p>
      ) : (
        <p class="hint">
          Printers that run a newer version keep it, unless the rollout that brought it has been cancelled.
        </p>
      )}
    </Panel>
  );
}
