import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Failure } from './parts';

/** A question that must be answered before something is done. Says what follows from it, and what went wrong. */
export function Confirm({
  title,
  action,
  dismiss = 'Cancel',
  dangerous = false,
  ready = true,
  run,
  close,
  children,
}: {
  title: string;
  /** What the button says: a verb. */
  action: string;
  /** What the button says that closes the dialog and does nothing. */
  dismiss?: string;
  dangerous?: boolean;
  /** False while the consequence is not known yet. */
  ready?: boolean;
  run: () => Promise<unknown>;
  close: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      setTimeout(() => focusAgain(before));
      // A list that is read again takes it away a moment later.
      setTimeout(() => before?.isConnected === false && hasNoFocus() && focusAgain(null), 1_000);
    };
  }, []);
  const act = async (): Promise<void> => {
    // The button is not disabled while it works: it would lose the focus.
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await run();
      close();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <h2 id="confirm-title">{title}</h2>
        <div class="confirm-body">{children}</div>
        <Failure error={error} />
        <footer class="actions">
          <button type="button" class="quiet" onClick={close}>
            {dismiss}
          </button>
          <button type="submit" class={dangerous ? 'danger' : ''} disabled={!ready} aria-busy={busy}>
            {action}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

function hasNoFocus(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

/** Gives the focus back; what had it may have gone with what was done, even with its page. */
function focusAgain(before: Element | null): void {
  const isThere = before instanceof HTMLElement && before.isConnected && before !== document.body;
  const page = document.querySelector<HTMLElement>('main');
  (isThere ? before : (page?.querySelector('h1') ?? page))?.focus({ preventScroll: !isThere });
}
