import { live } from '../api/live';
import { PageHead } from '../ui/parts';
import { ProblemPrinters } from './inbox/problem-printers';
import { WaitingPrinters } from './inbox/waiting-printers';

/** What waits for an operator: printers to be accepted, and printers that send something that cannot be used. */
export function InboxPage() {
  const summary = live.summary.value;
  const isEmpty = summary !== null && summary.waiting === 0 && summary.printers.problems === 0;
  return (
    <>
      <PageHead
        title="Inbox"
        lead={isEmpty ? 'Nothing needs your attention.' : 'Printers that need a decision.'}
      />
      <WaitingPrinters />
      <ProblemPrinters />
      <p class="hint">
        Blocked printers are not listed here: <a href="/printers?blocked=true">show blocked printers</a>
      </p>
    </>
  );
}
