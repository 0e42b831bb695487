import { useEffect, useRef, useState } from 'preact/hooks';
import { PercentageField } from '../../ui/percentage-field';
import type { DialogProps } from './change';
import { Consequence } from './consequence';
import { nextPercentage } from './steps';

const SETTLES_AFTER_MS = 250;

/** Widens a rollout to more printers, or narrows it. */
export function Percentage({ rollout, close }: DialogProps) {
  const { rollout_percentage: before, status } = rollout;
  const atOpening = useRef(before).current;
  const [text, setText] = useState(String(nextPercentage(before)));
  // Another user has changed it: a value chosen to widen the rollout must not narrow it now.
  useEffect(() => {
    if (before !== atOpening) setText(String(nextPercentage(before)));
  }, [before]);
  const chosen = readPercentage(text);
  const asked = useSettled(chosen ?? before);
  const word = (chosen ?? before) < before ? 'Narrow' : 'Widen';
  return (
    <Consequence
      rollout={rollout}
      change={{ rollout_percentage: asked }}
      title={`Rollout ${rollout.id} is at ${before} %`}
      action={chosen === null || chosen === before ? 'Change' : `${word} to ${chosen} %`}
      ready={chosen !== null && chosen === asked && chosen !== before && status !== 'cancelled'}
      close={close}
    >
      {(before !== atOpening || status === 'cancelled') && (
        <p class="notice warn" role="status">
          {status === 'cancelled'
            ? 'This rollout has been cancelled in the meantime.'
            : `The percentage has been changed from ${atOpening} % to ${before} % in the meantime.`}
        </p>
      )}
      <PercentageField
        value={text}
        change={setText}
        error={chosen === null ? 'Enter a whole number from 0 to 100' : null}
      />
    </Consequence>
  );
}

function readPercentage(text: string): number | null {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : null;
}

/** A value once it has stayed the same for a moment. */
function useSettled<T>(value: T): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), SETTLES_AFTER_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
