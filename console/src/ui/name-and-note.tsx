import { Field } from './field';

/** The name and the note of a rollout, both optional. */
export interface NameAndNote {
  name: string;
  note: string;
}

/** The fields of a rollout's name and note, within the lengths that the server takes. */
export function NameAndNoteFields({
  value: { name, note },
  change,
  errorOf,
}: {
  value: NameAndNote;
  change: (part: Partial<NameAndNote>) => void;
  /** What is wrong with a field, by the server's name for it. */
  errorOf: (field: string) => string | null;
}) {
  return (
    <>
      <Field label="Name" error={errorOf('name')}>
        {(attributes) => (
          <input
            {...attributes}
            value={name}
            maxLength={100}
            autocomplete="off"
            onInput={({ currentTarget }) => change({ name: currentTarget.value })}
          />
        )}
      </Field>
      <Field label="Note" error={errorOf('note')}>
        {(attributes) => (
          <textarea
            {...attributes}
            value={note}
            rows={4}
            maxLength={2_000}
            onInput={({ currentTarget }) => change({ note: currentTarget.value })}
          />
        )}
      </Field>
    </>
  );
}
