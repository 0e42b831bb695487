/** Sizes of all measurements. */
export interface Sizes {
  /** Printers that connect at once; a process may open 20,000 files here. */
  printers: number;
  /** Printers that connect before the measurement, while code is being compiled. */
  warmUp: number;
  /** Maximum concurrent handshakes. */
  inFlight: number;
  /** Number of turns that server and baseline take. */
  repeats: number;
  progressSockets: number;
  progressSeconds: number;
  /** Reports that a printer may be ahead of the server. */
  progressWindow: number;
  /** Printers in the large database. */
  million: number;
  updatesEach: number;
  /** Requests per second at the large database. */
  readRate: number;
  readSeconds: number;
  loadSeconds: number;
  downloadClients: number;
  downloadRounds: number;
  /** Downloads before the measurement, while code is being compiled. */
  downloadWarmUp: number;
  slowReaders: number;
  slowSeconds: number;
  growth: readonly number[];
  growthSample: number;
  growthRounds: number;
  growthSeconds: number;
  soakPrinters: number;
}

export const FULL: Sizes = {
  printers: 15_000,
  warmUp: 2_000,
  inFlight: 400,
  repeats: 3,
  progressSockets: 2_000,
  progressSeconds: 5,
  progressWindow: 10,
  million: 1_000_000,
  updatesEach: 5,
  readRate: 200,
  readSeconds: 10,
  loadSeconds: 5,
  downloadClients: 100,
  downloadRounds: 20,
  downloadWarmUp: 4_000,
  slowReaders: 2_000,
  slowSeconds: 8,
  growth: [1_000, 10_000, 100_000, 1_000_000],
  growthSample: 1_000,
  growthRounds: 5,
  growthSeconds: 2,
  soakPrinters: 5_000,
};

/** For CI: everything runs, but the figures mean nothing. */
export const QUICK: Sizes = {
  printers: 500,
  warmUp: 100,
  inFlight: 100,
  repeats: 1,
  progressSockets: 100,
  progressSeconds: 1,
  progressWindow: 10,
  million: 10_000,
  updatesEach: 5,
  readRate: 50,
  readSeconds: 1,
  loadSeconds: 1,
  downloadClients: 20,
  downloadRounds: 2,
  downloadWarmUp: 100,
  slowReaders: 100,
  slowSeconds: 1,
  growth: [500, 1_000, 4_000],
  growthSample: 200,
  growthRounds: 1,
  growthSeconds: 1,
  soakPrinters: 100,
};
