import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { api } from '../api/api';
import type { Channel, Firmware } from '../api/types';
import { address } from '../ui/address';
import { CHANNELS } from '../ui/channels';
import { counted } from '../ui/format';
import { Empty, Failure, Loading, PageHead, Panel } from '../ui/parts';
import { useChangedFirmware, useLoad } from '../ui/use-load';
import { BuildTable } from './firmware/build-table';
import { buildsOf, keyOf, latestVersions } from './firmware/builds';
import { UploadPanel } from './firmware/upload-panel';

const PAGE = 50;
// Fewer than these are found faster by looking than by typing.
const WORTH_SEARCHING = 12;

/** Every binary, where it is, and how to add one. */
export function FirmwarePage() {
  const { query, route } = useLocation();
  const { data, error, reload } = useLoad('firmware', (stop) => api.firmware(stop));
  useChangedFirmware(reload);
  const go = (part: Record<string, string | null>): void =>
    route(address('/firmware', { ...query, ...part }), true);
  const uploaded = (row: Firmware): void => {
    reload();
    go({ open: keyOf(row), search: null });
  };
  return (
    <>
      <PageHead title="Firmware" lead={data !== null && data.length > 0 ? leadOf(data) : null} />
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : (
        <>
          <UploadPanel isFirst={data.length === 0} uploaded={uploaded} />
          {data.length === 0 ? (
            <Empty title="There is no firmware yet.">
              <p>
                Upload your first binary to one of three channels: canary for a few test printers, beta for
                more, stable for everyone else. Printers only get it once you create a rollout.
              </p>
            </Empty>
          ) : (
            <Builds
              rows={data}
              open={query.open ?? null}
              search={query.search ?? ''}
              go={go}
              changed={reload}
            />
          )}
        </>
      )}
    </>
  );
}

function leadOf(rows: readonly Firmware[]): string {
  const latest = latestVersions(rows);
  const words = CHANNELS.filter((channel) => latest.has(channel)).map((channel: Channel) => {
    return `${latest.get(channel) ?? ''} in ${channel}`;
  });
  return words.length === 0 ? 'Every version is deprecated.' : `Latest: ${words.join(', ')}`;
}

function Builds({
  rows,
  open,
  search,
  go,
  changed,
}: {
  rows: readonly Firmware[];
  open: string | null;
  search: string;
  go: (part: Record<string, string | null>) => void;
  changed: () => void;
}) {
  const [limit, setLimit] = useState(PAGE);
  const builds = buildsOf(rows);
  const wanted = search.trim().toLowerCase();
  const found = builds.filter((build) => keyOf(build).toLowerCase().includes(wanted));
  // A link to a build leads to it, however many stand before it.
  const shown = found.filter((build, index) => index < limit || keyOf(build) === open);
  return (
    <Panel
      title="Versions"
      aside={<span class="hint">{counted(builds.length, 'binary', 'binaries')}, highest first</span>}
    >
      {(builds.length > WORTH_SEARCHING || wanted !== '') && (
        <div class="filters">
          <label>
            Find a version or a board
            <input
              type="search"
              value={search}
              onInput={({ currentTarget }) => go({ search: currentTarget.value })}
            />
          </label>
        </div>
      )}
      {found.length === 0 ? (
        <Empty title="No version or board matches." />
      ) : (
        <BuildTable
          builds={shown}
          latest={latestVersions(rows)}
          open={open}
          toggle={(build) => go({ open: keyOf(build) === open ? null : keyOf(build) })}
          changed={changed}
        />
      )}
      {found.length > limit && (
        <button type="button" class="quiet" onClick={() => setLimit(limit + PAGE)}>
          Show more
        </button>
      )}
    </Panel>
  );
}
