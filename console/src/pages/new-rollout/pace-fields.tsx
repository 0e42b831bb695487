import { WithinPercentage } from '../../ui/due';
import { Field } from '../../ui/field';
import { relativeTime, utcTime } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { PercentageField } from '../../ui/percentage-field';
import { instantOf } from './draft';
import type { Pace } from './draft';
import type { FieldsProps } from './firmware-fields';
import type { Previewed } from './use-preview';

const PACES = [
  ['immediate', 'Immediate', 'to every matching printer, as soon as it is online'],
  ['gradual', 'Gradual', 'to a percentage of them first; you raise it step by step'],
  ['scheduled', 'Scheduled', 'starts at a time that you set'],
] as const satisfies ReadonlyArray<readonly [Pace, string, string]>;

/** When a rollout begins, and how many it reaches. */
export function PaceFields(props: FieldsProps & { preview: Previewed }) {
  const { draft, change, errorOf, preview } = props;
  const { pace } = draft;
  return (
    <Panel title="Pace">
      <fieldset>
        <legend>When</legend>
        <div class="methods">
          {PACES.map(([name, label, hint]) => (
            <label key={name}>
              <input
                type="radio"
                name="pace"
                checked={pace === name}
                onChange={() => change({ pace: name })}
              />
              <span>
                {label} <span class="hint">{hint}</span>
              </span>
            </label>
          ))}
        </div>
        {errorOf('rollout_type') !== null && <p class="field-error">{errorOf('rollout_type')}</p>}
      </fieldset>
      {pace === 'scheduled' && <TimeField {...props} />}
      {pace !== 'immediate' && (
        <PercentageFields
          value={draft.percentages[pace]}
          change={(value) => change({ percentages: { ...draft.percentages, [pace]: value } })}
          error={errorOf('rollout_percentage')}
          preview={preview}
        />
      )}
    </Panel>
  );
}

function TimeField({ draft, change, errorOf }: FieldsProps) {
  const instant = instantOf(draft.scheduledFor);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Field
      label={`Starts at, in your time zone (${zone})`}
      error={errorOf('scheduled_for')}
      hint={instant === null ? null : <InUtc at={instant.toISOString()} />}
    >
      {(attributes) => (
        <input
          {...attributes}
          type="datetime-local"
          value={draft.scheduledFor}
          onInput={({ currentTarget }) => change({ scheduledFor: currentTarget.value })}
        />
      )}
    </Field>
  );
}

function InUtc({ at }: { at: string }) {
  const now = Date.now();
  return (
    <>
      That is <b>{utcTime(at)}</b>, {relativeTime(at, now)}
      {Date.parse(at) <= now && '. This time has passed, so the rollout starts at once'}
    </>
  );
}

function PercentageFields({
  value,
  change,
  error,
  preview,
}: {
  value: string;
  change: (value: string) => void;
  error: string | null;
  preview: Previewed;
}) {
  return (
    <>
      <PercentageField value={value} change={change} error={error} />
      {error === null && value.trim() !== '' && <Reached percentage={Number(value)} preview={preview} />}
      <p class="hint">
        Each printer has a bucket from 0 to 99: the MD5 of its UUID modulo 100. A printer is due if its bucket
        is below the percentage. The bucket never changes, so raising the percentage only adds printers, and
        every rollout starts with the same ones.
      </p>
    </>
  );
}

/** How many printers the percentage reaches: counted by the server, never estimated. */
function Reached({ percentage, preview }: { percentage: number; preview: Previewed }) {
  const { data, isCurrent, isCounting } = preview;
  if (isCurrent && data !== null)
    return (
      <p>
        <WithinPercentage due={data.due} of={data.matching} which="that match" percentage={percentage} />
      </p>
    );
  return isCounting ? <p class="hint">Counting the printers within {percentage} %</p> : null;
}
