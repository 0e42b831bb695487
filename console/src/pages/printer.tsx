import { PageHead } from '../ui/parts';

export function PrinterPage() {
  return <PageHead title="PrinterPage" />;
}
