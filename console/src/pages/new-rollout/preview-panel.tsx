import { live } from '../../api/live';
import type { Counted, Preview } from '../../api/types';
import { count, counted } from '../../ui/format';
import { Failure, Loading, Panel } from '../../ui/parts';
import { Legend, StackedBar } from '../../ui/stacked-bar';
import type { Part } from '../../ui/stacked-bar';
import type { Problem } from './draft';
import type { Previewed } from './use-preview';

/** Whom the rollout would reach, as the form stands. */
export function PreviewPanel({
  preview: { data, error, isCurrent, isCounting },
  problems,
  isErrorBeside,
}: {
  preview: Previewed;
  problems: readonly Problem[];
  /** True if the fields say what is wrong. */
  isErrorBeside: boolean;
}) {
  const isLive = live.state.value === 'open';
  return (
    <Panel
      title="Preview"
      aside={<span class="hint">{isCurrent ? (isLive ? 'Live' : '') : isCounting ? 'Counting' : ''}</span>}
    >
      {problems.length > 0 && (
        <>
          <p>To see which printers it reaches:</p>
          <ul>
            {problems.map(({ field, message }) => (
              <li key={field}>{message}</li>
            ))}
          </ul>
        </>
      )}
      {error != null &&
        (isErrorBeside ? (
          <p class="field-error">The server rejects this: see the messages next to the fields.</p>
        ) : (
          <Failure error={error} />
        ))}
      {data === null ? (
        isCounting && <Loading />
      ) : (
        <div class={isCurrent && isLive ? 'preview' : 'preview stale'} aria-busy={isCounting}>
          <Numbers preview={data} />
        </div>
      )}
    </Panel>
  );
}

function Numbers({ preview }: { preview: Preview }) {
  const { printers, matching, now } = preview;
  return (
    <>
      <p class="headline" aria-live="polite">
        <b>{count(matching)}</b> of {counted(printers, 'printer')} {matching === 1 ? 'matches' : 'match'};{' '}
        <b>{count(now)}</b> {now === 1 ? 'gets' : 'get'} {preview.firmware_version} now.
      </p>
      {matching === 0 ? (
        <p class="notice warn">
          No printer matches at the moment. A rollout is a rule: printers that match later get it then.
        </p>
      ) : (
        <>
          <StackedBar parts={partsOf(preview)} label="Printers" />
          <Legend parts={partsOf(preview)} />
          <ByVersion preview={preview} />
        </>
      )}
      <Reasons title="Waiting" total={matching - now} reasons={preview.waiting} />
      <Reasons title="Left out" total={printers - matching} reasons={preview.left_out} />
    </>
  );
}

function partsOf({ printers, matching, now }: Preview): Part[] {
  return [
    { kind: 'now', label: 'Now', value: now },
    { kind: 'held', label: 'Waiting', value: matching - now },
    { kind: 'pending', label: 'Left out', value: printers - matching },
  ];
}

const SHOWN = 8;

function ByVersion({ preview }: { preview: Preview }) {
  const { by_version: versions } = preview;
  if (versions.length === 0) return null;
  const rest = versions.slice(SHOWN);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col" class="number">
            Match
          </th>
          <th scope="col" class="number">
            Now
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.slice(0, SHOWN).map(({ version, matching, now }) => (
          <tr key={version}>
            <td>{version}</td>
            <td class="number">{count(matching)}</td>
            <td class="number">{count(now)}</td>
          </tr>
        ))}
        {rest.length > 0 && (
          <tr>
            <td>{counted(rest.length, 'more version')}</td>
            <td class="number">{count(rest.reduce((sum, { matching }) => sum + matching, 0))}</td>
            <td class="number">{count(rest.reduce((sum, { now }) => sum + now, 0))}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function Reasons({ title, total, reasons }: { title: string; total: number; reasons: readonly Counted[] }) {
  const counts = reasons.filter(({ printers }) => printers > 0);
  if (counts.length === 0) return null;
  return (
    <>
      <h3>
        {title}: {count(total)}
      </h3>
      <ul class="preview-reasons">
        {counts.map(({ reason, description, printers }) => (
          <li key={reason}>
            <b>{count(printers)}</b>
            <span>{description}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
