import { live } from '../api/live';

/** What the server says its operator should mend, on every page: proxies, addresses, damaged binaries. */
export function ServerWarnings() {
  const warnings = live.summary.value?.warnings ?? [];
  if (warnings.length === 0) return null;
  const isDamaged = warnings.some(({ code }) => code === 'image_damaged');
  return (
    <section class={isDamaged ? 'notice bad' : 'notice warn'} aria-label="Warnings of the server">
      <ul class="warnings">
        {warnings.map(({ code, message }) => (
          <li key={code}>
            {message}. {code === 'image_damaged' && <a href="/firmware">Go to the firmware</a>}
          </li>
        ))}
      </ul>
    </section>
  );
}
