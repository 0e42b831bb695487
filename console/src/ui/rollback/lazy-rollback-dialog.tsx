import { useEffect, useState } from 'preact/hooks';
import type { RollbackDialog } from './rollback-dialog';

/** The dialog of a rollback, whose code is loaded when it is opened: most visits to a page never do. */
export function LazyRollbackDialog(props: Parameters<typeof RollbackDialog>[0]) {
  const [Dialog, setDialog] = useState<typeof RollbackDialog | null>(null);
  useEffect(() => {
    void import('./rollback-dialog').then((loaded) => setDialog(() => loaded.RollbackDialog));
  }, []);
  return Dialog && <Dialog {...props} />;
}
