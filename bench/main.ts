import { Command, InvalidArgumentError } from 'commander';
import { Fixtures } from './fixtures.js';
import { log, messageOf } from './log.js';
import { describeMachine } from './machine.js';
import { untilPortsAreFree } from './ports.js';
import { inOneLine, writeReport } from './report.js';
import { readResults, writeResults } from './results.js';
import type { Result } from './results.js';
import type { Bench, Scenario } from './scenario.js';
import { SCENARIOS, SOAK } from './scenarios/index.js';
import { FULL, QUICK } from './sizes.js';
import { monotonicMs } from './stats.js';
import { Workspace } from './workspace.js';

interface Options {
  quick?: true;
  soak?: number;
  only?: Scenario[];
  out?: string;
}

const QUICK_SOAK_SECONDS = 20;
// Quick figures are not to take the place of real ones.
const QUICK_OUT = 'dist/bench-report';

const names = SCENARIOS.map(({ name }) => name).join(', ');
const program = new Command('bench')
  .description('Measures the server beside baseline programs that do only the physical minimum.')
  .option('--quick', 'small and short, for CI: it must run through, its figures mean nothing')
  .option('--soak <duration>', 'only the soak, so long: 90s, 20m, 2h', duration)
  .option('--only <names>', `only these, by commas: ${names}, soak`, scenarios)
  .option('--out <folder>', `folder of PERFORMANCE.md (default: docs; with --quick ${QUICK_OUT})`);

process.exitCode = await main(program.parse().opts<Options>());

async function main(options: Options): Promise<number> {
  const workspace = new Workspace();
  const sizes = options.quick ? QUICK : FULL;
  const bench: Bench = {
    workspace,
    sizes,
    fixtures: new Fixtures(workspace, sizes.updatesEach),
    soakSeconds: options.soak ?? QUICK_SOAK_SECONDS,
  };
  const chosen = options.only ?? (options.soak === undefined ? SCENARIOS : [SOAK]);
  const out = options.out ?? (options.quick ? QUICK_OUT : 'docs');
  const machine = describeMachine(workspace.root);
  log(machine);
  const failed: string[] = [];
  for (const scenario of chosen) {
    try {
      // Minutes that a quick run does not have.
      if (!options.quick) await untilPortsAreFree();
      await save(out, await run(scenario, bench, machine), options.quick === true);
    } catch (error) {
      failed.push(scenario.name);
      log(`${scenario.name} did not run through: ${error instanceof Error ? error.stack : messageOf(error)}`);
      workspace.killAll();
    }
  }
  log(failed.length === 0 ? `${out}/PERFORMANCE.md is written` : `Did not run through: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

async function run(scenario: Scenario, bench: Bench, machine: string): Promise<Result> {
  log(`${scenario.name}: ${scenario.title}`);
  const startedAt = monotonicMs();
  const { figures, series = [] } = await scenario.run(bench);
  for (const figure of figures) log(`  ${inOneLine(figure)}`);
  log(`  took ${((monotonicMs() - startedAt) / 1_000).toFixed(0)} s`);
  return {
    scenario: scenario.name,
    title: scenario.title,
    at: new Date().toISOString(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(
      ' ',
    ),
    machine,
    figures,
    series,
  };
}

/** Saved after every scenario, so that nothing is lost if a later one fails. */
async function save(out: string, result: Result, isQuick: boolean): Promise<void> {
  const kept = readResults(out).filter(({ scenario }) => scenario !== result.scenario);
  const order = [...SCENARIOS, SOAK].map(({ name }) => name);
  const results = [...kept, result].sort((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario));
  await writeResults(out, results);
  await writeReport(out, results, isQuick);
}

function scenarios(text: string): Scenario[] {
  return text.split(',').map((name) => {
    const found = [...SCENARIOS, SOAK].find((scenario) => scenario.name === name.trim());
    if (!found) throw new InvalidArgumentError(`There is no ${name.trim()}; there are ${names}, soak.`);
    return found;
  });
}

function duration(text: string): number {
  const [, amount, unit = 's'] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('Such as 90s, 20m or 2h.');
  return Number(amount) * (unit === 'h' ? 3_600 : unit === 'm' ? 60 : 1);
}
