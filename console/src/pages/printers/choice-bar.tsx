import { useEffect, useRef } from 'preact/hooks';
import type { Printer } from '../../api/types';
import { ROLLOUT_TO_CHOSEN, choose, chosen, handOver } from '../../ui/chosen-printers';
import { counted } from '../../ui/format';

/** What can be done with printers that are chosen; they stay so on other pages. */
export function ChoiceBar({ printers }: { printers: readonly Printer[] }) {
  const box = useRef<HTMLInputElement>(null);
  const here = printers.filter(({ uuid }) => chosen.value.has(uuid)).length;
  const all = here > 0 && here === printers.length;
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = here > 0 && !all;
  });
  const toAll = (yes: boolean): void =>
    choose(
      printers.map(({ uuid }) => uuid),
      yes,
    );
  return (
    <div class="choice-bar">
      <label>
        <input
          ref={box}
          type="checkbox"
          checked={all}
          onChange={(event) => toAll(event.currentTarget.checked)}
        />
        All on this page
      </label>
      <div class="actions">
        <span role="status">
          {chosen.value.size > 0 && (
            <>
              <b>{counted(chosen.value.size, 'printer')}</b> selected
            </>
          )}
        </span>
        {chosen.value.size > 0 && (
          <>
            <button type="button" class="small quiet" onClick={() => (chosen.value = new Set())}>
              Clear
            </button>
            <a class="button small" href={ROLLOUT_TO_CHOSEN} onClick={() => handOver(chosen.value)}>
              Roll out to these
            </a>
          </>
        )}
      </div>
    </div>
  );
}
