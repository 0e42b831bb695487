import { useLocation } from 'preact-iso';
import { api } from '../api/api';
import { Empty, Failure, Loading, PageHead } from '../ui/parts';
import { useChangedFirmware, useLoad } from '../ui/use-load';
import { choicesOf } from './new-rollout/draft';
import { RolloutForm } from './new-rollout/rollout-form';

/** A new rollout: what, to whom, and how fast, with what would come of it. */
export function NewRolloutPage() {
  const { url, query } = useLocation();
  const { data, error, reload } = useLoad('firmware', (stop) => api.firmware(stop));
  useChangedFirmware(reload);
  const choices = choicesOf(data ?? []);
  return (
    <>
      <PageHead title="New rollout" lead="Send one firmware version to the printers you choose." />
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : choices.length === 0 ? (
        <Empty
          title={data.length === 0 ? 'There is no firmware to roll out yet.' : 'Every version is deprecated.'}
        >
          <p>
            {data.length === 0 ? 'Upload a binary first.' : 'Offer one of them again, or upload a newer one.'}
          </p>
          <a class="button" href="/firmware">
            Go to firmware
          </a>
        </Empty>
      ) : (
        <RolloutForm key={url} query={query} choices={choices} />
      )}
    </>
  );
}
