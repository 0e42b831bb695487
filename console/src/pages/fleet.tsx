import { live } from '../api/live';
import type { Summary } from '../api/types';
import { count, counted } from '../ui/format';
import { Loading, PageHead } from '../ui/parts';
import { ActiveRollouts } from './fleet/active-rollouts';
import { FirstSteps } from './fleet/first-steps';
import { Versions } from './fleet/versions';
import { VersionsOverTime } from './fleet/versions-over-time';

/** How the fleet is, at a glance. */
export function FleetPage() {
  const summary = live.summary.value;
  return (
    <>
      <PageHead title="Fleet" lead={summary === null ? null : leadOf(summary)}>
        {summary !== null && summary.firmware > 0 && (
          <a class="button" href="/rollouts/new">
            New rollout
          </a>
        )}
      </PageHead>
      {summary === null ? (
        <Loading />
      ) : (
        <>
          {isNew(summary) && <FirstSteps summary={summary} />}
          {summary.printers.total === 0 && <Attention summary={summary} />}
          {summary.printers.total > 0 && (
            <>
              <Attention summary={summary} />
              <Tiles summary={summary} />
              <Versions summary={summary} />
              <div class="columns">
                <ActiveRollouts />
                <VersionsOverTime at={summary.at} />
              </div>
            </>
          )}
        </>
      )}
    </>
  );
}

function isNew({ printers, firmware, rollouts }: Summary): boolean {
  return printers.total === 0 || firmware === 0 || Object.values(rollouts).every((number) => number === 0);
}

function leadOf({ printers }: Summary): string {
  if (printers.total === 0) return 'No printer has connected yet.';
  return `${count(printers.online)} of ${counted(printers.total, 'printer')} online`;
}

/** What waits for an operator stands first. */
function Attention({ summary: { waiting, printers } }: { summary: Summary }) {
  const { problems } = printers;
  if (waiting === 0 && problems === 0) return null;
  const parts = [
    ...(waiting === 0
      ? []
      : [`${counted(waiting, 'new printer is', 'new printers are')} waiting for approval`]),
    ...(problems === 0 ? [] : [`${counted(problems, 'printer has', 'printers have')} problems`]),
  ];
  return (
    <p class="notice warn">
      {parts.join(', and ')}. <a href="/inbox">Go to the inbox</a>
    </p>
  );
}

function Tiles({ summary: { printers, updates } }: { summary: Summary }) {
  const { failed_last_day: failed } = updates;
  return (
    <div class="tiles">
      <a class="tile" href="/printers?online=true">
        <span class="figure">
          {count(printers.online)} <small>of {count(printers.total)}</small>
        </span>
        <span class="name">online now</span>
      </a>
      <a class="tile" href="/rollouts">
        <span class="figure">{count(updates.in_progress)}</span>
        <span class="name">{updates.in_progress === 1 ? 'update' : 'updates'} under way</span>
      </a>
      <a class="tile" href="/rollouts">
        <span class="figure">{count(updates.completed_last_day)}</span>
        <span class="name">completed in the last day</span>
      </a>
      <a class={failed > 0 ? 'tile bad' : 'tile'} href="/printers?failed=true">
        <span class="figure">{count(failed)}</span>
        <span class="name">failed in the last day</span>
      </a>
    </div>
  );
}
