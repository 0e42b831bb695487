import { useEffect, useState } from 'preact/hooks';
import type { DialogProps } from './change';
import { Consequence } from './consequence';
import { STAGES, nextPercentage } from './steps';

const SETTLES_AFTER_MS = 250;

/** Widens a rollout to more printers, or narrows it. */
export function Percentage({ rollout, close }: DialogProps) {
  const { rollout_percentage: before } = rollout;
  const [text, setText] = useState(String(nextPercentage(before)));
  const chosen = readPercentage(text);
  const asked = useSettled(chosen ?? before);
  const word = (chosen ?? before) < before ? 'Narrow' : 'Widen';
  return (
    <Consequence
      rollout={rollout}
      change={{ rollout_percentage: asked }}
      title={`Rollout ${rollout.id} reaches ${before} % of its printers`}
      action={chosen === null || chosen === before ? 'Change' : `${word} to ${chosen} %`}
      ready={chosen !== null && chosen === asked && chosen !== before}
      close={close}
    >
      <div class="percentage">
        <label class="slider">
          Percentage
          <input
            type="range"
            min="0"
            max="100"
            value={chosen ?? before}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <label>
          <span class="visually-hidden">Percentage as a number</span>
          <input
            type="number"
            min="0"
            max="100"
            step="1"
            inputMode="numeric"
            value={text}
            aria-invalid={chosen === null ? 'true' : undefined}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
      </div>
      <div class="actions stages" role="group" aria-label="Stages">
        {STAGES.map((stage) => (
          <button
            key={stage}
            type="button"
            class="small quiet"
            aria-pressed={chosen === stage}
            onClick={() => setText(String(stage))}
          >
            {stage} %
          </button>
        ))}
      </div>
      {chosen === null && <p class="field-error">A whole number from 0 to 100.</p>}
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
