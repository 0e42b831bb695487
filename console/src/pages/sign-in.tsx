import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../api/api';
import { apiKey, keepKey } from '../api/key';
import { keyWanted } from '../api/request';
import { textOf } from '../ui/form';
import { CopyButton, Failure } from '../ui/parts';

/** Asks for a key, with the server's words that say why. */
export function SignIn() {
  const unclaimed = keyWanted.value?.includes('has not been claimed') === true;
  const [made, setMade] = useState<string | null>(null);
  // What is wrong with a key that is typed here stands beside its field.
  const [why] = useState(apiKey.value === null ? 'This server requires an API key.' : keyWanted.value);
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => {
    form.current?.querySelector('input')?.focus();
    return () => void setTimeout(() => document.querySelector<HTMLElement>('#main')?.focus());
  }, []);
  if (made !== null) return <NewKey made={made} />;
  return (
    <div class="narrow" ref={form}>
      <header class="page-head">
        <div>
          <h1>Sign in</h1>
          <p class="lead">{unclaimed ? keyWanted.value : why}</p>
        </div>
      </header>
      {unclaimed ? <ClaimForm claimed={setMade} /> : <KeyForm />}
    </div>
  );
}

/** Shows the first key, which nobody can ask for again. */
function NewKey({ made }: { made: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="narrow">
      <header class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          Server claimed
        </h1>
      </header>
      <div class="notice good">
        <p>This is your key. Store it in a safe place: it is shown only once.</p>
        <pre class="select-all">
          <code>{made}</code>
        </pre>
        <div class="actions">
          <CopyButton text={made} />
          <button type="button" onClick={() => (keyWanted.value = null)}>
            Continue
          </button>
        </div>
      </div>
    </div>
  );
}

/** A form that ends with a key, which may be remembered. */
function EntryForm({
  action,
  remember,
  enter,
  children,
}: {
  action: string;
  remember: string;
  enter: (fields: FormData, isToBeRemembered: boolean) => Promise<void>;
  children: ComponentChildren;
}) {
  const [error, setError] = useState<unknown>(null);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form);
    setError(null);
    try {
      await enter(fields, fields.get('remember') !== null);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      {children}
      <label>
        <input name="remember" type="checkbox" />
        {remember}
      </label>
      <Failure error={error} />
      <button type="submit">{action}</button>
    </form>
  );
}

function KeyForm() {
  const enter = async (fields: FormData, isToBeRemembered: boolean): Promise<void> => {
    keepKey(textOf(fields, 'key'), isToBeRemembered);
    await api.summary();
    keyWanted.value = null;
  };
  return (
    <>
      <EntryForm action="Sign in" remember="Remember the key in this browser" enter={enter}>
        <label>
          API key
          <input name="key" type="password" required autocomplete="current-password" />
        </label>
      </EntryForm>
      <p class="hint">
        To create a key, run this on the server: <code>npm run keys -- create --admin NAME</code>
      </p>
    </>
  );
}

function ClaimForm({ claimed }: { claimed: (key: string) => void }) {
  const enter = async (fields: FormData, isToBeRemembered: boolean): Promise<void> => {
    const { key } = await api.claim(textOf(fields, 'token'), textOf(fields, 'name'));
    keepKey(key, isToBeRemembered);
    claimed(key);
  };
  return (
    <EntryForm action="Claim this server" remember="Remember the new key in this browser" enter={enter}>
      <label>
        Claim token
        <input name="token" type="password" required autocomplete="off" />
        <small>
          The server wrote it to the file <code>claim-token</code>, next to its database.
        </small>
      </label>
      <label>
        Your name
        <input name="name" required autocomplete="username" />
      </label>
    </EntryForm>
  );
}
