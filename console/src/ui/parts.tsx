import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '../api/request';

// Nobody has gone anywhere yet.
let isFirstPage = true;

/** What the page that is shown, or waits behind the sign-in, is called. */
export const pageTitle = signal('');

/** The head of a page: its name is the title of the tab, too, and where a reader's focus goes on a new page. */
export function PageHead({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    pageTitle.value = title;
  }, [title]);
  useEffect(() => {
    // Where it scrolls to is up to the router, and on the way back to the browser.
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  return (
    <header class="page-head">
      <div>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead != null && <p class="lead">{lead}</p>}
      </div>
      {children != null && <div class="actions">{children}</div>}
    </header>
  );
}

/** What went wrong, in the server's own words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error == null) return null;
  const fields = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  return (
    <div class="notice bad" role="alert">
      <p>
        <ServerWords text={error instanceof Error ? error.message : 'Something went wrong.'} />
      </p>
      {fields.length > 1 && (
        <ul>
          {fields.map(({ field, message }) => (
            <li key={`${field} ${message}`}>{message}</li>
          ))}
        </ul>
      )}
      {retry && (
        <button type="button" class="small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A message of the server; the rollouts that it names become links. */
export function ServerWords({ text }: { text: string }) {
  return text.split(/(\brollout \d+)/).map((part) => {
    const id = /^rollout (\d+)$/.exec(part)?.[1];
    return id === undefined ? (
      part
    ) : (
      <a key={id} href={`/rollouts/${id}`}>
        {part}
      </a>
    );
  });
}

/** A placeholder for an empty list, which says how to fill it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** A placeholder while something is loading. */
export function Loading() {
  return (
    <p class="loading" aria-busy="true">
      Loading
    </p>
  );
}

/** A state as a dot and a word. */
export function State({ kind, children }: { kind: StateKind; children: ComponentChildren }) {
  return (
    <span class={`state ${kind}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

export type StateKind = 'good' | 'busy' | 'warn' | 'bad' | 'idle';

/** A box with a heading. */
export function Panel({
  title,
  aside,
  children,
  id,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
}) {
  return (
    <section class="panel" id={id} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A button that copies a text. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const button = useRef<HTMLButtonElement>(null);
  const copy = async (): Promise<void> => {
    const done = await copyText(text);
    const element = button.current;
    if (element === null) return;
    element.textContent = done ? 'Copied' : 'Select it and press Ctrl+C';
    setTimeout(() => (element.textContent = label), 2_000);
  };
  return (
    <button type="button" class="small quiet" ref={button} onClick={() => void copy()}>
      {label}
    </button>
  );
}

/** Over plain HTTP, browsers keep the clipboard API away from pages that are not on localhost. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
