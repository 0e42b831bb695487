import { batch, computed, signal } from '@preact/signals';
import { apiKey, keyHeader } from './key';
import { ApiError, reach } from './request';
import type { Rollout, Summary } from './types';
import { below } from '../ui/root';

/** State of the stream of changes: `lost` while it is being resumed, `denied` until there is a valid key. */
export type LiveState = 'connecting' | 'open' | 'lost' | 'denied' | 'resting';

/** What the server reports about itself at the start of a stream. */
export interface Hello {
  version: string;
  started_at: string;
  simulator: boolean;
}

/** Numbers of printers that may have changed; `all` if they are too many to list, or unknown. */
export type ChangedPrinters = ReadonlySet<number> | 'all';

// The server pings every 20 s. After two missing pings the stream is dead, whatever the browser reports.
const SILENCE_MS = 45_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
// Switching to another tab for a moment keeps the stream open.
const REST_AFTER_MS = 5_000;

const state = signal<LiveState>('connecting');
const hello = signal<Hello | null>(null);
const summary = signal<Summary | null>(null);
const rollouts = signal<ReadonlyMap<number, Rollout>>(new Map());

/** The current state of the server, updated by the stream of changes without polling. */
export const live = {
  state: computed(() => state.value),
  hello: computed(() => hello.value),
  summary: computed(() => summary.value),
  /** Those that are not cancelled, and those that were cancelled while this page was open, by number. */
  rollouts: computed(() => rollouts.value),
};

const printerListeners = new Set<(changed: ChangedPrinters) => void>();
const firmwareListeners = new Set<() => void>();

/** Calls back when printers may have changed; returns a function that unsubscribes. */
export function onPrinters(listener: (changed: ChangedPrinters) => void): () => void {
  printerListeners.add(listener);
  return () => printerListeners.delete(listener);
}

/** Calls back when firmware may have changed; returns a function that unsubscribes. */
export function onFirmware(listener: () => void): () => void {
  firmwareListeners.add(listener);
  return () => firmwareListeners.delete(listener);
}

/** Stores the server's answer to a change: its event arrives up to a second later. */
export function noteRollout(rollout: Rollout): void {
  rollouts.value = new Map(rollouts.value).set(rollout.id, rollout);
}

let stream: AbortController | null = null;

/** Opens the stream, keeps it open while the page is visible, and resumes it when it breaks. */
export function startLive(): void {
  let rest: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(rest);
    if (!document.hidden) {
      if (stream === null) void keepOpen();
      return;
    }
    rest = setTimeout(() => {
      close();
      state.value = 'resting';
    }, REST_AFTER_MS);
  };
  document.addEventListener('visibilitychange', look);
  // A page that the browser keeps for Back would hold its connection, and after six of them it has none left for this server.
  addEventListener('pagehide', () => {
    clearTimeout(rest);
    close();
  });
  addEventListener('pageshow', look);
  apiKey.subscribe(() => {
    close();
    look();
  });
}

function close(): void {
  stream?.abort();
  stream = null;
}

async function keepOpen(): Promise<void> {
  const own = new AbortController();
  stream = own;
  state.value = 'connecting';
  const isClosed = (): boolean => own.signal.aborted;
  let wait = FIRST_RETRY_MS;
  while (!isClosed()) {
    try {
      await read(own.signal, () => (wait = FIRST_RETRY_MS));
    } catch (error) {
      if (isClosed()) return;
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        state.value = 'denied';
        return;
      }
    }
    if (isClosed()) return;
    state.value = 'lost';
    await pause(wait * (0.75 + Math.random() / 2), own.signal);
    wait = Math.min(wait * 2, LONGEST_RETRY_MS);
  }
}

/** Reads one stream to its end. Uses fetch, because EventSource cannot send a key. */
async function read(stop: AbortSignal, opened: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await reach(
      new Request(below('/api/events'), {
        headers: { ...keyHeader(), Accept: 'text/event-stream' },
        signal: AbortSignal.any([stop, silence.signal]),
        cache: 'no-store',
      }),
    );
    opened();
    const reader = (response.body ?? new ReadableStream<BufferSource>())
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const messages = (rest + value).split(/\r?\n\r?\n/);
      rest = messages.pop() ?? '';
      batch(() => messages.forEach(take));
    }
  } finally {
    clearTimeout(timer);
  }
}

function take(message: string): void {
  let event = 'message';
  const data: string[] = [];
  for (const line of message.split(/\r?\n/)) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    if (line.startsWith('data:')) data.push(line.slice(5).trim());
  }
  const content: unknown = data.length > 0 ? JSON.parse(data.join('\n')) : null;
  handlers[event]?.(content);
}

const handlers: Record<string, (content: unknown) => void> = {
  hello: (content) => {
    hello.value = content as Hello;
    state.value = 'open';
    rollouts.value = new Map();
    // Changes may have been missed while there was no stream.
    for (const listener of printerListeners) listener('all');
    for (const listener of firmwareListeners) listener();
  },
  summary: (content) => (summary.value = content as Summary),
  rollouts: (content) => {
    const { rollouts: changed, removed } = content as { rollouts: Rollout[]; removed: number[] };
    const all = new Map(rollouts.value);
    for (const rollout of changed) all.set(rollout.id, rollout);
    for (const id of removed) all.delete(id);
    rollouts.value = all;
  },
  printers: (content) => {
    const { ids } = content as { ids?: number[] };
    const changed = ids === undefined ? 'all' : new Set(ids);
    for (const listener of printerListeners) listener(changed);
  },
  firmware: () => {
    for (const listener of firmwareListeners) listener();
  },
};

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
