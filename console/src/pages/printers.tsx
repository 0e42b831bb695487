import { PageHead } from '../ui/parts';

export function PrintersPage() {
  return <PageHead title="PrintersPage" />;
}
