import { useState } from 'preact/hooks';
import type { NewRollout, Preview } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { count, counted } from '../../ui/format';

/** A rollout that somebody should think twice about, and why. */
export interface Question {
  request: NewRollout;
  /** Null where the server could not say whom it reaches. */
  preview: Preview | null;
}

/** True for what reaches nobody, all or most of the fleet at once, or nobody knows whom. */
export function needsQuestion({ request, preview }: Question): boolean {
  if (preview === null || preview.matching === 0) return true;
  if (request.rollout_type !== 'immediate' && request.rollout_percentage !== 100) return false;
  return request.target.all === true || (preview.now > 1 && preview.now * 2 > preview.printers);
}

function questionOf({ firmware_version: version, rollout_type: type }: NewRollout, preview: Preview): string {
  const isAll = preview.matching === preview.printers;
  const whom = isAll
    ? 'all printers'
    : `${count(preview.matching)} of ${counted(preview.printers, 'printer')}`;
  return `Roll ${version} out to ${whom}${type === 'scheduled' ? '' : ' now'}?`;
}

/** Asks once more, with the numbers. */
export function CreateQuestion({
  question: { request, preview },
  create,
  close,
}: {
  question: Question;
  create: () => Promise<void>;
  close: () => void;
}) {
  const [isSure, setSure] = useState(false);
  const version = request.firmware_version;
  if (preview !== null && preview.matching > 0) {
    return (
      <Confirm
        title={questionOf(request, preview)}
        action={`Roll out to ${counted(preview.matching, 'printer')}`}
        run={create}
        close={close}
      >
        <p>
          <b>{count(preview.matching)}</b> of {counted(preview.printers, 'printer')} match.{' '}
          <b>{count(preview.now)}</b> are sent it at once.
        </p>
        <ul class="preview-reasons">
          {preview.waiting.map(({ reason, description, printers }) => (
            <li key={reason}>
              <b>{count(printers)}</b>
              <span>{description}</span>
            </li>
          ))}
        </ul>
        <p>A gradual rollout would reach a few of them first. What has been sent cannot be called back.</p>
      </Confirm>
    );
  }
  return (
    <Confirm
      title={preview === null ? 'Roll out without a preview?' : 'Create a rollout that matches nobody?'}
      action="Create it all the same"
      ready={isSure}
      run={create}
      close={close}
    >
      <p>
        {preview === null
          ? 'The server cannot say at the moment whom it reaches.'
          : `None of ${counted(preview.printers, 'printer')} matches now. Printers that match later are sent ${version} then.`}
      </p>
      <label>
        <input
          type="checkbox"
          checked={isSure}
          onChange={({ currentTarget }) => setSure(currentTarget.checked)}
        />
        {preview === null ? 'I know whom it is for' : 'I mean printers that will match later'}
      </label>
    </Confirm>
  );
}
