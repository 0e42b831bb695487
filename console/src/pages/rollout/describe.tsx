import { useState } from 'preact/hooks';
import { ApiError } from '../../api/request';
import { Confirm } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { change } from './change';
import type { DialogProps } from './change';

/** Changes the name and the note of a rollout. */
export function Describe({ rollout, close }: DialogProps) {
  const [name, setName] = useState(rollout.name ?? '');
  const [note, setNote] = useState(rollout.note ?? '');
  const [error, setError] = useState<unknown>(null);
  const errorOf = (field: string): string | null => (error instanceof ApiError ? error.of(field) : null);
  const run = async (): Promise<void> => {
    try {
      await change(rollout.id, { name: name.trim(), note: note.trim() });
    } catch (failure) {
      setError(failure);
      throw failure;
    }
  };
  return (
    <Confirm title={`Name and note of rollout ${rollout.id}`} action="Save" run={run} close={close}>
      <Field label="Name" error={errorOf('name')}>
        {(attributes) => (
          <input
            {...attributes}
            value={name}
            maxLength={100}
            autocomplete="off"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
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
            onInput={({ currentTarget }) => setNote(currentTarget.value)}
          />
        )}
      </Field>
    </Confirm>
  );
}
