/** How many runs a property gets: few in an ordinary run of all tests, all of them with `FULL=1` (CONTRIBUTING.md). */
export function propertyRuns(ordinary: number, full: number): number {
  return process.env.FULL === '1' ? full : ordinary;
}
