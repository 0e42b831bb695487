import type { NewRollout, Preview } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { WithinPercentage } from '../../ui/due';
import { count, counted, exactTime } from '../../ui/format';

/** A rollout that is about to be created, and what it would do. */
export interface Question {
  request: NewRollout;
  /** Null if the server could not say whom it reaches. */
  preview: Preview | null;
}

/** Asks once before a rollout is created, with the numbers as of now. */
export function CreateQuestion({
  question: { request, preview },
  create,
  close,
}: {
  question: Question;
  create: () => Promise<void>;
  close: () => void;
}) {
  return (
    <Confirm title={titleOf(request, preview)} action={actionOf(request, preview)} run={create} close={close}>
      {preview === null ? (
        <p>The server cannot count the printers right now.</p>
      ) : (
        <Consequences request={request} preview={preview} />
      )}
      {request.scheduled_for != null && startsLater(request) && (
        <p>It starts on {exactTime(request.scheduled_for)}.</p>
      )}
      {preview?.warnings.map((warning) => (
        <p key={warning} class="notice warn">
          {warning}.
        </p>
      ))}
      {request.allow_downgrade === true && (
        <p class="notice warn">
          Printers with a newer version are moved <b>back</b> to {request.firmware_version}.
        </p>
      )}
    </Confirm>
  );
}

function Consequences({ request, preview }: { request: NewRollout; preview: Preview }) {
  const { firmware_version: version, rollout_type: type } = request;
  const percentage = request.rollout_percentage ?? 100;
  const { matching, due, now, printers, waiting } = preview;
  // The server's warnings say so.
  if (matching === 0) return null;
  return (
    <>
      <p>
        <b>{count(matching)}</b> of {counted(printers, 'printer')} {matching === 1 ? 'matches' : 'match'};{' '}
        <b>{count(now)}</b> {now === 1 ? 'gets' : 'get'} {version} as soon as you confirm.
      </p>
      {percentage < 100 && (
        <p>
          <WithinPercentage due={due} of={matching} which="that match" percentage={percentage} />
        </p>
      )}
      <ul class="preview-reasons">
        {waiting.map(({ reason, description, printers: number }) => (
          <li key={reason}>
            <b>{count(number)}</b>
            <span>{description}</span>
          </li>
        ))}
      </ul>
      {type === 'immediate' && now > 1 && (
        <p>
          An update that has been sent cannot be recalled. A gradual rollout would reach a few printers first.
        </p>
      )}
    </>
  );
}

function titleOf({ firmware_version: version, ...request }: NewRollout, preview: Preview | null): string {
  if (preview === null) return `Roll out ${version} without a preview?`;
  const { matching, printers } = preview;
  if (matching === 0) return `Create a rollout of ${version} that matches no printer?`;
  const whom = matching === printers ? `all ${counted(printers, 'printer')}` : counted(matching, 'printer');
  const percentage = request.rollout_percentage ?? 100;
  const share = percentage < 100 ? `${percentage} % of ${whom}` : whom;
  return startsLater(request) ? `Schedule ${version} for ${share}?` : `Roll out ${version} to ${share} now?`;
}

function actionOf(request: NewRollout, preview: Preview | null): string {
  if (preview === null || preview.matching === 0) return 'Create anyway';
  return startsLater(request) ? 'Schedule' : 'Roll out';
}

/** False for a time that has passed: the rollout then starts at once. */
function startsLater({ scheduled_for: at }: Pick<NewRollout, 'scheduled_for'>): boolean {
  return at != null && Date.parse(at) > Date.now();
}
