import { useRoute } from 'preact-iso';
import { ApiError } from '../api/request';
import type { Rollout } from '../api/types';
import { shortTime } from '../ui/format';
import { Empty, Failure, Loading, PageHead } from '../ui/parts';
import { RolloutState, targetText } from '../ui/rollout-parts';
import { Actions } from './rollout/actions';
import { Facts } from './rollout/facts';
import { Failures } from './rollout/failures';
import { Progress } from './rollout/progress';
import { RollBackNext } from './rollout/roll-back';
import { Updates } from './rollout/updates';
import { useRollout } from './rollout/use-rollout';

/** One rollout: how it goes, what can be done about it, and what became of each printer. */
export function RolloutPage() {
  const id = Number(useRoute().params.id);
  return <OneRollout key={id} id={id} />;
}

function OneRollout({ id }: { id: number }) {
  const { rollout, error, reload } = useRollout(id);
  if (rollout === null || isGone(error)) {
    return (
      <>
        <PageHead title={Number.isInteger(id) ? `Rollout ${id}` : 'Rollout'} />
        {error == null ? <Loading /> : <Missing error={error} retry={reload} />}
      </>
    );
  }
  return (
    <>
      <PageHead title={`Rollout ${id}: ${rollout.firmware_version}`} lead={<Lead rollout={rollout} />}>
        <Actions rollout={rollout} />
      </PageHead>
      <Failure error={error} retry={reload} />
      <RollBackNext rollout={rollout} />
      <Progress rollout={rollout} />
      <Failures rollout={rollout} />
      <Facts rollout={rollout} />
      <Updates rollout={rollout} />
    </>
  );
}

function Lead({ rollout }: { rollout: Rollout }) {
  return (
    <>
      <span role="status">
        <RolloutState status={rollout.status} />
      </span>{' '}
      for {targetText(rollout)} ({typeText(rollout)})
    </>
  );
}

function typeText({
  status,
  rollout_type: type,
  rollout_percentage: percentage,
  scheduled_for: at,
}: Rollout) {
  if (type === 'immediate') return type;
  if (status === 'scheduled' && at !== null) return `from ${shortTime(at)} on, ${percentage} %`;
  return `${type}, ${percentage} %`;
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) {
    return <Failure error={error} retry={retry} />;
  }
  return (
    <Empty title={error.message}>
      <p>It may have been deleted; what it did stays in the history of its printers.</p>
      <a class="button" href="/rollouts">
        All rollouts
      </a>
    </Empty>
  );
}
