import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/api';

/** True while firmware has to be signed; where that cannot be found out, the server says so when it is. */
export function useSigningKeys(): boolean {
  const [has, setHas] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    api.signingKeys(stop.signal).then(
      ({ keys }) => setHas(keys.some((key) => key.removed_at === null)),
      () => undefined,
    );
    return () => stop.abort();
  }, []);
  return has;
}
