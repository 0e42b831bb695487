import type { Channel, Firmware } from '../../api/types';
import { CHANNELS } from '../../ui/channels';
import { count, counted } from '../../ui/format';
import { StackedBar } from '../../ui/stacked-bar';
import { BuildDetails } from './build-details';
import { Offer, RollOutLink, updateParts } from './build-parts';
import { boardText, keyOf } from './builds';
import type { Build } from './builds';

/** One line for each binary, and where it is. */
export function BuildTable({
  builds,
  latest,
  open,
  toggle,
  changed,
}: {
  builds: readonly Build[];
  latest: ReadonlyMap<Channel, string>;
  /** The build whose details are shown. */
  open: string | null;
  toggle: (build: Build) => void;
  changed: () => void;
}) {
  return (
    <table class="cards builds">
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">Board</th>
          {CHANNELS.map((channel) => (
            <th scope="col" key={channel}>
              {channel}
            </th>
          ))}
          <th scope="col" class="results">
            Updates
          </th>
          <th scope="col">
            <span class="visually-hidden">Details and rollout</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {builds.map((build) => {
          const key = keyOf(build);
          return (
            <BuildRows
              key={key}
              build={build}
              latest={latest}
              isOpen={key === open}
              toggle={() => toggle(build)}
              changed={changed}
            />
          );
        })}
      </tbody>
    </table>
  );
}

function BuildRows({
  build,
  latest,
  isOpen,
  toggle,
  changed,
}: {
  build: Build;
  latest: ReadonlyMap<Channel, string>;
  isOpen: boolean;
  toggle: () => void;
  changed: () => void;
}) {
  const { version, platform, rows } = build;
  const offered = rows.find((row) => row.deprecated_at === null);
  const id = `build-${keyOf(build).replaceAll(/[^0-9A-Za-z-]/g, '_')}`;
  return (
    <>
      <tr class={isOpen ? 'open' : ''}>
        <td data-label="Version">
          <span>
            <b>{version}</b> {rows.some((row) => row.mandatory) && <span class="tag">mandatory</span>}
          </span>
        </td>
        <td data-label="Board">{boardText(platform)}</td>
        {CHANNELS.map((channel) => (
          <td key={channel} data-label={channel}>
            <Offer row={rows.find((row) => row.channel === channel)} latest={latest.get(channel)} />
          </td>
        ))}
        <td data-label="Updates" class="results">
          <Results rows={rows} version={version} />
        </td>
        <td>
          <div class="actions">
            <button
              type="button"
              class="small quiet"
              aria-expanded={isOpen}
              aria-controls={id}
              onClick={toggle}
            >
              Details<span class="visually-hidden"> of {keyOf(build)}</span>
            </button>
            {offered !== undefined && (
              <RollOutLink version={version} channel={offered.channel} label="Roll out" />
            )}
          </div>
        </td>
      </tr>
      {isOpen && (
        <tr class="details" id={id}>
          <td colSpan={CHANNELS.length + 4}>
            <BuildDetails build={build} latest={latest} changed={changed} />
          </td>
        </tr>
      )}
    </>
  );
}

function Results({ rows, version }: { rows: readonly Firmware[]; version: string }) {
  const parts = updateParts(rows);
  const failed = parts.find(({ kind }) => kind === 'failed')?.value ?? 0;
  const completed = parts.find(({ kind }) => kind === 'completed')?.value ?? 0;
  if (completed + failed === 0) return <span class="hint">none yet</span>;
  return (
    <div>
      <StackedBar parts={parts} label={`Updates to ${version}`} slim />
      <span class="hint">
        {counted(completed, 'success', 'successes')}
        {failed > 0 && (
          <>
            , <b class="alarm">{count(failed)} failed</b>
          </>
        )}
      </span>
    </div>
  );
}
