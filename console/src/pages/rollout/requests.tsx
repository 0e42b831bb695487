import type { Rollout } from '../../api/types';
import { curlCommand } from '../../ui/curl';
import { CopyButton } from '../../ui/parts';
import { stepsOf } from './steps';

/** The requests of this page as commands for a shell. */
export function Requests({ rollout }: { rollout: Rollout }) {
  const path = `/api/rollouts/${rollout.id}`;
  return (
    <details class="curl requests">
      <summary>As curl commands</summary>
      <Command name="The rollout with its counters" text={curlCommand('GET', path)} />
      <Command name="Progress over time" text={curlCommand('GET', `${path}/timeline`)} />
      <Command name="Why updates failed" text={curlCommand('GET', `${path}/failures`)} />
      <Command
        name="Printers on which it failed"
        text={curlCommand('GET', `${path}/updates?status=failed`)}
      />
      {stepsOf(rollout).map(({ step, name, method, path: to, body }) => (
        <Command key={step} name={name} text={curlCommand(method, to, body)} />
      ))}
    </details>
  );
}

function Command({ name, text }: { name: string; text: string }) {
  return (
    <section>
      <header class="panel-head">
        <h3>{name}</h3>
        <CopyButton text={text} />
      </header>
      <pre>
        <code>{text}</code>
      </pre>
    </section>
  );
}
