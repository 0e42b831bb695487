import { signal } from '@preact/signals';
import { exactTime, relativeTime, utcTime } from './format';

const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5_000);
document.addEventListener('visibilitychange', () => (now.value = Date.now()));

/** An instant in words; exact, here and in UTC, on hover. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={`${exactTime(at)} (${utcTime(at)})`}>
      {relativeTime(at, Math.max(now.value, Date.now()))}
    </time>
  );
}
