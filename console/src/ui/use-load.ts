import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { onFirmware, onPrinters } from '../api/live';
import type { ChangedPrinters } from '../api/live';

/** What a page loads: the answer that is shown stays while a newer one is on its way, and when that fails. */
export interface Loaded<T> {
  data: T | null;
  error: unknown;
  loading: boolean;
  /** Loads again; several calls within a second are one. */
  reload: () => void;
}

const SHORTEST_INTERVAL_MS = 1_000;

/**
 * Loads something when `key` changes, and again on `reload`.
 *
 * @param key what the answer depends on; another key forgets the answer
 */
export function useLoad<T>(key: string, load: (stop: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: unknown; loading: boolean }>({
    key,
    data: null,
    error: null,
    loading: true,
  });
  const loader = useRef(load);
  loader.current = load;
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    const stop = new AbortController();
    let busy = false;
    let wanted = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      busy = true;
      wanted = false;
      const begun = performance.now();
      try {
        const data = await loader.current(stop.signal);
        if (!stop.signal.aborted) setState({ key, data, error: null, loading: false });
      } catch (error) {
        if (!stop.signal.aborted) setState((old) => ({ ...old, key, error, loading: false }));
      }
      if (stop.signal.aborted) return;
      const rest = Math.max(0, SHORTEST_INTERVAL_MS - (performance.now() - begun));
      timer = setTimeout(() => {
        busy = false;
        if (wanted) void run();
      }, rest);
    };
    again.current = () => {
      wanted = true;
      if (!busy) void run();
    };
    setState((old) =>
      old.key === key ? { ...old, loading: true } : { key, data: null, error: null, loading: true },
    );
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key]);

  const reload = useCallback(() => again.current(), []);
  const current = state.key === key ? state : { data: null, error: null, loading: true };
  return { data: current.data, error: current.error, loading: current.loading, reload };
}

/** Loads again when `sign` is no longer what it was. */
export function useReloadOn(sign: string, reload: () => void): void {
  const seen = useRef(sign);
  useEffect(() => {
    if (seen.current === sign) return;
    seen.current = sign;
    reload();
  }, [sign]);
}

/** Calls back when printers change of which `concerns` says that they matter here. */
export function useChangedPrinters(concerns: (changed: ChangedPrinters) => boolean, act: () => void): void {
  const latest = useRef({ concerns, act });
  latest.current = { concerns, act };
  useEffect(
    () => onPrinters((changed) => (latest.current.concerns(changed) ? latest.current.act() : undefined)),
    [],
  );
}

/** Calls back when firmware changes. */
export function useChangedFirmware(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => onFirmware(() => latest.current()), []);
}
