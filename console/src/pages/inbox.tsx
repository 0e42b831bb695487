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
        Printers that you have blocked are in the list of printers:{' '}
        <a href="/printers?blocked=true">blocked printers</a>
      </p>
    </>
  );
}
