import type { Latency } from './stats.js';

/** Measurements of a process since its last reset. */
export interface Reading {
  /** Event-loop delay in milliseconds. */
  loop: Latency;
  rssBytes: number;
  /** Processor time used since the process started, in milliseconds. */
  cpuMs: number;
}

/** Which printers connect, and how. Printers are identified by their index (identity.ts). */
export interface ConnectOrder {
  port: number;
  first: number;
  count: number;
  /** Distance between two indexes: spreads a sample over a large fleet. */
  stride: number;
  /** Maximum concurrent handshakes. */
  inFlight: number;
  /** True if a printer counts only once its update has arrived. */
  awaitUpdate: boolean;
}

/** Result of a group of connects or requests. */
export interface LoadResult {
  done: number;
  failed: number;
  seconds: number;
  latency: Latency;
  /** Share of one core that the client used. Near 1, the measurement would be of the client. */
  clientCpu: number;
}

/** Arrival of update messages, by the monotonic clock. */
export interface UpdatesResult {
  count: number;
  firstAt: number;
  lastAt: number;
}

/** How a fleet reconnected after its server was down. */
export interface BackResult {
  subscribed: number;
  /** When the last printer had subscribed, by the monotonic clock. */
  lastAt: number;
  handshake: Latency;
  attempts: number;
  /** Handshakes that took longer than a board waits. */
  gaveUp: number;
}

type None = Record<string, never>;

interface HttpOrder {
  port: number;
  path: string;
}

interface DownloadOrder {
  port: number;
  /** Asked for one after the other; the clients share them out. */
  paths: readonly string[];
  clients: number;
}

/** All commands between processes: their parameters and answers by name. */
export interface Commands {
  // Answered by loop-monitor.ts, in every process.
  reset: { order: None; answer: None };
  read: { order: None; answer: Reading };
  gc: { order: None; answer: None };
  // Answered by baseline/bare-ws.ts.
  offer: { order: { on: boolean }; answer: None };
  broadcast: { order: None; answer: None };
  // Answered by client/fleet-client.ts.
  connect: { order: ConnectOrder; answer: LoadResult };
  close: { order: None; answer: None };
  progress: { order: { seconds: number; window: number }; answer: LoadResult };
  arm: { order: None; answer: None };
  updates: { order: { count: number; timeoutMs: number }; answer: UpdatesResult };
  hold: { order: { retryMs: number; handshakeTimeoutMs: number }; answer: None };
  back: { order: { timeoutMs: number }; answer: BackResult };
  /** Closed loop over keep-alive connections; `{id}` in the path stands for a random number up to `maxId`. */
  http: { order: HttpOrder & { maxId: number; connections: number; seconds: number }; answer: LoadResult };
  /** Path and query of the download that each connected board was sent. */
  addresses: { order: None; answer: { paths: string[] } };
  download: { order: DownloadOrder & { bytes: number }; answer: LoadResult };
  slow: { order: DownloadOrder & { seconds: number }; answer: { open: number } };
}

export type CommandName = keyof Commands;
export type OrderOf<K extends CommandName> = Commands[K]['order'];
export type AnswerOf<K extends CommandName> = Commands[K]['answer'];

interface Request<K extends CommandName> {
  id: number;
  name: K;
  order: OrderOf<K>;
}

type Handlers = { [K in CommandName]?: (order: OrderOf<K>) => AnswerOf<K> | Promise<AnswerOf<K>> };

/** An answer as it comes in. */
export interface Reply {
  id: number;
  answer?: unknown;
  error?: string;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** True for an answer to a request. */
export function isReply(message: unknown): message is Reply {
  return isRecord(message) && typeof message.id === 'number' && !('order' in message);
}

/** Trusts an answer to be what its command promises: both ends are compiled from this file. */
export function isAnswerTo<K extends CommandName>(answer: unknown): answer is AnswerOf<K> {
  return isRecord(answer);
}

/** The port that a process of ours says it listens on; null if the message is another one. */
export function listeningPort(message: unknown): number | null {
  return isRecord(message) && typeof message.port === 'number' ? message.port : null;
}

function isRequest(message: unknown): message is Request<CommandName> {
  return isRecord(message) && typeof message.id === 'number' && 'order' in message;
}

/** Answers the parent's requests that have a handler here; others are another listener's. */
export function answerParent(handlers: Handlers): void {
  process.on('message', (message: unknown) => {
    if (isRequest(message) && handlers[message.name]) void answerOne(handlers, message);
  });
}

async function answerOne<K extends CommandName>(handlers: Handlers, request: Request<K>): Promise<void> {
  const { id } = request;
  try {
    const answer = await handlers[request.name]?.(request.order);
    process.send?.({ id, answer });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** Tells the parent that this process takes connections. */
export function tellListening(port: number): void {
  process.send?.({ port });
}
