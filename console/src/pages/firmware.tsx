import { PageHead } from '../ui/parts';

export function FirmwarePage() {
  return <PageHead title="FirmwarePage" />;
}
