import type { ComponentChildren, ButtonHTMLAttributes } from 'preact';
import { refusalOf } from '../api/caller';
import type { Scope } from '../api/types';

/** A button that needs a scope. Without the scope it is disabled, and says why. */
export function ScopedButton({
  scope,
  disabled = false,
  children,
  ...attributes
}: ButtonHTMLAttributes & { scope: Scope; disabled?: boolean; children: ComponentChildren }) {
  const refusal = refusalOf(scope);
  return (
    <button
      type="button"
      {...attributes}
      disabled={disabled || refusal !== null}
      {...(refusal === null ? {} : { title: refusal, 'aria-description': refusal })}
    >
      {children}
    </button>
  );
}

/** Says once, beside several buttons, why they are disabled; empty if the user has the scope. */
export function ScopeNote({ scope }: { scope: Scope }) {
  const refusal = refusalOf(scope);
  return refusal === null ? null : <p class="hint scope-note">{refusal}</p>;
}
