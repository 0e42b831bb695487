import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../api/api';
import { onPrinters } from '../../api/live';
import type { NewRollout, Preview } from '../../api/types';

/** What a rollout would do. The last answer stays while another one is on its way, and when there is none. */
export interface Previewed {
  data: Preview | null;
  error: unknown;
  /** True if the answer is that to the present request. */
  isCurrent: boolean;
  /** True while the answer to the present request is on its way. */
  isCounting: boolean;
}

const AFTER_TYPING_MS = 300;
const AFTER_EVENT_MS = 2_000;

/** Asks what a rollout would do whenever it is another one, and again when printers change. */
export function usePreview(request: NewRollout | null): Previewed {
  const key = request === null ? null : JSON.stringify(request);
  const [state, setState] = useState<{ key: string | null; data: Preview | null; error: unknown }>({
    key: null,
    data: null,
    error: null,
  });
  const latest = useRef(request);
  latest.current = request;

  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isBusy = true;
    let isWanted = false;
    const ask = async (): Promise<void> => {
      if (latest.current === null) return;
      isBusy = true;
      isWanted = false;
      try {
        const data = await api.previewRollout(latest.current, stop.signal);
        if (!stop.signal.aborted) setState({ key, data, error: null });
      } catch (error) {
        if (!stop.signal.aborted) setState(({ data }) => ({ key, data, error }));
      }
      if (stop.signal.aborted) return;
      timer = setTimeout(() => {
        isBusy = false;
        if (isWanted) void ask();
      }, AFTER_EVENT_MS);
    };
    timer = setTimeout(() => void ask(), AFTER_TYPING_MS);
    const forget = onPrinters(() => {
      isWanted = true;
      if (!isBusy) void ask();
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
      forget();
    };
  }, [key]);

  const isOfNow = key !== null && state.key === key;
  return {
    data: state.data,
    error: isOfNow ? state.error : null,
    isCurrent: isOfNow && state.error == null,
    isCounting: key !== null && !isOfNow,
  };
}
