import { PageHead } from '../ui/parts';

export function NewRolloutPage() {
  return <PageHead title="NewRolloutPage" />;
}
