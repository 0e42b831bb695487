import { below } from './root';

/** How a first printer gets here. */
export function ConnectPrinter({ simulator }: { simulator: boolean }) {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return (
    <>
      <p>
        A printer registers itself when it connects to{' '}
        <code>{`${scheme}://${location.host}${below('/ws/USER-UUID')}`}</code>. Replace USER-UUID with the
        UUID of its owner.
      </p>
      {simulator ? (
        <p>
          No printer at hand? <a href="/try">Add virtual ones</a>
        </p>
      ) : (
        <p>
          No printer at hand? Run <code>npm run simulate</code> on the server to start virtual ones.
        </p>
      )}
    </>
  );
}
