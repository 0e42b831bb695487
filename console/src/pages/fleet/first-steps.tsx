import type { Summary } from '../../api/types';
import { ConnectPrinter } from '../../ui/connect-printer';

/** Leads a new installation from nothing to its first rollout. */
export function FirstSteps({ summary }: { summary: Summary }) {
  const hasFirmware = summary.firmware > 0;
  const hasPrinters = summary.printers.total > 0;
  const next = !hasFirmware ? 'firmware' : !hasPrinters ? 'printers' : 'rollout';
  return (
    <ol class="steps">
      <li class={hasFirmware ? 'done' : 'next'}>
        <h2>Upload firmware</h2>
        <p>
          {hasFirmware ? 'Done.' : 'A binary with a version, in one of the channels stable, beta and canary.'}
        </p>
        {!hasFirmware && <a href="/firmware">Go to firmware</a>}
      </li>
      <li class={hasPrinters ? 'done' : next === 'printers' ? 'next' : ''}>
        <h2>Connect a printer</h2>
        {hasPrinters ? <p>Done.</p> : <ConnectPrinter simulator={summary.simulator} />}
      </li>
      <li class={next === 'rollout' ? 'next' : ''}>
        <h2>Roll out</h2>
        <p>
          To all printers, some users, some printers or a channel: at once, step by step or at a set time.
        </p>
        {next === 'rollout' && <a href="/rollouts/new">New rollout</a>}
      </li>
    </ol>
  );
}
