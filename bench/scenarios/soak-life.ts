import { log } from '../log.js';
import { changeRollout, createRollout, readRollout, upload } from '../rest.js';
import { monotonicMs, sleep } from '../stats.js';

// A fleet needs some seconds for a step; a long soak makes no more of them than an operator could follow.
const SHORTEST_STEP_S = 2;
const LONGEST_STEP_S = 20;
const STEPS_IN_A_SOAK = 40;
// The limit of an update that is silent is a minute in the soak, and the sweep that finds it comes once a minute.
const SETTLE_TIMEOUT_MS = 150_000;

/**
 * What operators do with a fleet, over and over until the time is over: step by step up, paused and resumed, cancelled and
 * rolled back to the version before.
 *
 * @returns the numbers of the rollouts
 */
export async function livesThroughRollouts(port: number, seconds: number): Promise<number[]> {
  const until = monotonicMs() + seconds * 1_000;
  const step = Math.min(LONGEST_STEP_S, Math.max(SHORTEST_STEP_S, seconds / STEPS_IN_A_SOAK)) * 1_000;
  const rollouts: number[] = [];
  let before = '1.9.0';
  await upload(port, before);
  for (let cycle = 0; monotonicMs() < until; cycle += 1) {
    const version = `2.${cycle}.0`;
    await upload(port, version);
    const { id } = await createRollout(port, version, { rollout_type: 'gradual', rollout_percentage: 10 });
    rollouts.push(id);
    await sleep(step);
    await changeRollout(port, id, { rollout_percentage: 50 });
    await sleep(step);
    if (cycle % 4 === 1) await pauseAndResume(port, id, step);
    if (cycle % 4 === 3) {
      await changeRollout(port, id, { status: 'cancelled' });
      rollouts.push((await createRollout(port, before)).id);
    } else {
      await changeRollout(port, id, { rollout_percentage: 100 });
      before = version;
    }
    await sleep(step);
    const { completed_count, failed_count, status } = await readRollout(port, id);
    log(`  rollout ${id} of ${version}: ${status}, ${completed_count} completed, ${failed_count} failed`);
  }
  return rollouts;
}

/** Waits until no update is under way any more. */
export async function settled(port: number, rollouts: readonly number[]): Promise<void> {
  const until = monotonicMs() + SETTLE_TIMEOUT_MS;
  for (const id of rollouts) {
    while ((await readRollout(port, id)).in_progress_count > 0 && monotonicMs() < until) await sleep(500);
  }
}

async function pauseAndResume(port: number, id: number, step: number): Promise<void> {
  // A rollout that is completed already cannot be paused.
  if ((await readRollout(port, id)).status !== 'active') return;
  await changeRollout(port, id, { status: 'paused' });
  await sleep(step / 2);
  await changeRollout(port, id, { status: 'active' });
}
