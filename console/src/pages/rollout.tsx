import { useRoute } from 'preact-iso';
import { ApiError } from '../api/request';
import type { Rollout } from '../api/types';
import { shortTime } from '../ui/format';
import { Empty, Failure, Loading, PageHead } from '../ui/parts';
import { RollbackProgress } from '../ui/rollback/rollback-progress';
import { RolloutState, rolloutTypeText, targetText } from '../ui/rollout-parts';
import { Actions } from './rollout/actions';
import { Facts } from './rollout/facts';
import { Failures } from './rollout/failures';
import { Progress } from './rollout/progress';
import { Updates } from './rollout/updates';
import { useRollout } from './rollout/use-rollout';

/** One rollout: how it goes, what can be done about it, and what became of each printer. */
export function RolloutPage() {
  const text = useRoute().params.id ?? '';
  const id = Number(text);
  return /^\d{1,15}$/.test(text) ? (
    <OneRollout key={id} id={id} />
  ) : (
    <NoRollout words="This rollout does not exist." />
  );
}

function OneRollout({ id }: { id: number }) {
  const { rollout, error, reload } = useRollout(id);
  if (error instanceof ApiError && error.status === 404) return <NoRollout words={error.message} />;
  if (rollout === null) {
    return (
      <>
        <PageHead title={`Rollout ${id}`} />
        <Failure error={error} retry={reload} />
        {error == null && <Loading />}
      </>
    );
  }
  return (
    <>
      <PageHead title={titleOf(rollout)} lead={<Lead rollout={rollout} />}>
        <Actions rollout={rollout} />
      </PageHead>
      <Failure error={error} retry={reload} />
      <RollbackOf rollout={rollout} />
      <Progress rollout={rollout} />
      <Failures rollout={rollout} />
      <Facts rollout={rollout} />
      <Updates rollout={rollout} />
    </>
  );
}

function titleOf({ id, name, firmware_version: version }: Rollout): string {
  return name === null ? `Rollout ${id}: ${version}` : `Rollout ${id}: ${version}, ${name}`;
}

/** The rollback that a rollout is part of, or that took it back. */
function RollbackOf({ rollout }: { rollout: Rollout }) {
  const { rolls_back: rollsBack, rolled_back_by: rolledBackBy, firmware_version: version } = rollout;
  if (rollsBack !== null) return <RollbackProgress version={rollsBack.firmware_version} />;
  return rolledBackBy.length === 0 ? null : <RollbackProgress version={version} />;
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

function typeText(rollout: Rollout): string {
  const { status, rollout_percentage: percentage, scheduled_for: at } = rollout;
  if (status === 'scheduled' && at !== null) return `starts ${shortTime(at)}, ${percentage} %`;
  return rolloutTypeText(rollout);
}

function NoRollout({ words }: { words: string }) {
  return (
    <>
      <PageHead title="Rollout" />
      <Empty title={words}>
        <p>It may have been deleted; its updates remain in the history of the printers.</p>
        <a class="button" href="/rollouts">
          All rollouts
        </a>
      </Empty>
    </>
  );
}
