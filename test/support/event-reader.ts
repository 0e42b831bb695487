import { eventually } from './eventually.js';
import type { Reachable } from './server.js';

/** One event, its data parsed. */
export interface ReadEvent {
  type: string;
  data: Record<string, unknown>;
}

/** Reads the event stream of a server. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** True once the stream has ended, in whatever way. */
  ended = false;
  private readonly controller = new AbortController();
  private unread = '';

  private constructor(readonly headers: Headers) {}

  /** Opens a stream that must be let in, and waits for its first event. */
  static async open(server: Reachable, headers: Record<string, string> = {}): Promise<EventReader> {
    const controller = new AbortController();
    const response = await fetch(`${server.url}/api/events`, { headers, signal: controller.signal });
    if (response.status !== 200 || response.body === null) throw new Error(`Got ${response.status}`);
    const reader = new EventReader(response.headers);
    controller.signal.throwIfAborted();
    reader.controller.signal.addEventListener('abort', () => controller.abort());
    void reader.read(response.body);
    await eventually('the first event', () => reader.events.length > 0);
    return reader;
  }

  /** The data of all events of a type, in order. */
  of(type: string): Array<Record<string, unknown>> {
    return this.events.filter((event) => event.type === type).map(({ data }) => data);
  }

  /** Waits for an event of a type that meets a condition. */
  async next(
    type: string,
    holds: (data: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    const found = await eventually(`an event ${type}`, () => this.of(type).find(holds) ?? null);
    return found!;
  }

  /** Forgets what has been read. */
  clear(): void {
    this.events.length = 0;
  }

  close(): void {
    this.controller.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) this.take(decoder.decode(chunk, { stream: true }));
    } catch {
      // Cut off.
    }
    this.ended = true;
  }

  private take(text: string): void {
    const blocks = (this.unread + text).split('\n\n');
    this.unread = blocks.pop() ?? '';
    for (const block of blocks) {
      const type = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (type !== undefined && data !== undefined)
        this.events.push({ type, data: JSON.parse(data) as Record<string, unknown> });
    }
  }
}
