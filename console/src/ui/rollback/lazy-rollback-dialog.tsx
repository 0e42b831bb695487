import { lazyDialog } from '../lazy-dialog';

/** The dialog of a rollback, loaded when it is opened. */
export const LazyRollbackDialog = lazyDialog(async () => (await import('./rollback-dialog')).RollbackDialog);
