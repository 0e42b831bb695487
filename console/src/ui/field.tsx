import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';
import { ApiError } from '../api/request';
import { Failure } from './parts';

/** What ties an input to its label, its hint and what is wrong with it. */
export interface FieldAttributes {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': 'true' | undefined;
}

/** A field of a form: its label, its hint, and beside it what is wrong with it. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  children: (attributes: FieldAttributes) => ComponentChildren;
}) {
  const id = useId();
  const described = [hint == null ? null : `${id}-hint`, error == null ? null : `${id}-error`];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described.filter((one) => one !== null).join(' ') || undefined,
        'aria-invalid': error == null ? undefined : 'true',
      })}
      {error != null && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint != null && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What is wrong with a form as a whole; nothing if `fields` say all of it. */
export function FormFailure({ error, isBesideField }: { error: unknown; isBesideField: boolean }) {
  if (error == null) return null;
  if (!isBesideField) return <Failure error={error} />;
  return (
    <p class="field-error" role="alert">
      The server rejects this: see the messages next to the fields.
    </p>
  );
}

/** True if each thing that the server says is said of one of these fields. */
export function isAllBeside(error: unknown, fields: readonly string[]): boolean {
  const errors = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  return errors.length > 0 && errors.every(({ field }) => fields.includes(field));
}

/** A form that takes the reader to the first field that is wrong, when something goes wrong. */
export function useFocusOnError(error: unknown): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (error == null) return;
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    // Where no field is wrong, the button is back that had the focus before it was sent.
    if (wrong != null) wrong.focus();
    else if (document.activeElement === document.body)
      form.current?.querySelector<HTMLElement>('[type="submit"]')?.focus({ preventScroll: true });
  }, [error]);
  return form;
}
