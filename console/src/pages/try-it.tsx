import { PageHead } from '../ui/parts';

export function TryItPage() {
  return <PageHead title="TryItPage" />;
}
