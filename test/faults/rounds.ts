/** How often the long form repeats what chance decides; the short form, which `npm test` runs, does with less. */
export const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 3);
