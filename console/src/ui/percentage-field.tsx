import { Field } from './field';

/** The percentages by which rollouts usually grow. */
export const USUAL_PERCENTAGES = [1, 5, 10, 25, 50, 100] as const;

/** A percentage as it is being typed or slid, or one of the usual ones. */
export function PercentageField({
  value,
  change,
  error,
}: {
  value: string;
  change: (value: string) => void;
  error: string | null;
}) {
  return (
    <>
      <Field label="Percentage" error={error}>
        {(attributes) => (
          <div class="percentage">
            <input
              type="range"
              min={0}
              max={100}
              list="percentages"
              aria-label="Percentage, as a slider"
              value={value}
              onInput={({ currentTarget }) => change(currentTarget.value)}
            />
            <datalist id="percentages">
              {USUAL_PERCENTAGES.map((tick) => (
                <option key={tick} value={tick} />
              ))}
            </datalist>
            <input
              {...attributes}
              type="number"
              min={0}
              max={100}
              step={1}
              inputMode="numeric"
              value={value}
              onInput={({ currentTarget }) => change(currentTarget.value)}
            />
            <span aria-hidden="true">%</span>
          </div>
        )}
      </Field>
      <div class="actions ticks" role="group" aria-label="Usual percentages">
        {USUAL_PERCENTAGES.map((tick) => (
          <button
            key={tick}
            type="button"
            class="small quiet"
            aria-pressed={value === String(tick)}
            onClick={() => change(String(tick))}
          >
            {tick} %
          </button>
        ))}
      </div>
    </>
  );
}
