import type { Printer } from '../api/types';
import { State } from './parts';

/** Whether a printer is there. */
export function PrinterState({ printer }: { printer: Pick<Printer, 'online' | 'blocked'> }) {
  if (printer.blocked) return <State kind="bad">blocked</State>;
  return printer.online ? <State kind="good">online</State> : <State kind="idle">offline</State>;
}
