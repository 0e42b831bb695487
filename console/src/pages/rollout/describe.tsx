import { useState } from 'preact/hooks';
import { ApiError } from '../../api/request';
import { Confirm } from '../../ui/dialog';
import { NameAndNoteFields } from '../../ui/name-and-note';
import type { NameAndNote } from '../../ui/name-and-note';
import { change } from './change';
import type { DialogProps } from './change';

/** Changes the name and the note of a rollout. */
export function Describe({ rollout, close }: DialogProps) {
  const [value, setValue] = useState<NameAndNote>({ name: rollout.name ?? '', note: rollout.note ?? '' });
  const [error, setError] = useState<unknown>(null);
  const run = async (): Promise<void> => {
    try {
      await change(rollout.id, { name: value.name.trim(), note: value.note.trim() });
    } catch (failure) {
      setError(failure);
      throw failure;
    }
  };
  return (
    <Confirm title={`Name and note of rollout ${rollout.id}`} action="Save" run={run} close={close}>
      <NameAndNoteFields
        value={value}
        change={(part) => setValue((old) => ({ ...old, ...part }))}
        errorOf={(field) => (error instanceof ApiError ? error.of(field) : null)}
      />
    </Confirm>
  );
}
