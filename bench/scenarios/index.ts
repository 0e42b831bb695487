import type { Scenario } from '../scenario.js';
import { broadcast } from './broadcast.js';
import { connect } from './connect.js';
import { download } from './download.js';
import { growth } from './growth.js';
import { memory } from './memory.js';
import { million } from './million.js';
import { progress } from './progress.js';
import { restart } from './restart.js';
import { rollouts } from './rollouts.js';
import { soak } from './soak.js';

/** What a run without `--only` does, in this order; it is the order of the report, too. */
export const SCENARIOS: readonly Scenario[] = [
  connect,
  progress,
  broadcast,
  rollouts,
  memory,
  download,
  million,
  growth,
  restart,
];

/** What `--soak` runs. */
export const SOAK = soak;
