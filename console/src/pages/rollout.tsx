import { PageHead } from '../ui/parts';

export function RolloutPage() {
  return <PageHead title="RolloutPage" />;
}
