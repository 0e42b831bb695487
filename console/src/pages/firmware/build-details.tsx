import { useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { api } from '../../api/api';
import { live } from '../../api/live';
import type { Channel, Firmware } from '../../api/types';
import { CHANNELS } from '../../ui/channels';
import { bytes, count, counted } from '../../ui/format';
import { CopyButton, Failure } from '../../ui/parts';
import { LazyRollbackDialog } from '../../ui/rollback/lazy-rollback-dialog';
import { RollbackProgress } from '../../ui/rollback/rollback-progress';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { Legend, StackedBar } from '../../ui/stacked-bar';
import { When } from '../../ui/when';
import { Offer, RollOutLink, updateParts } from './build-parts';
import { boardText, keyOf, rowOf } from './builds';
import type { Build } from './builds';
import { PlainText } from './plain-text';
import { DeleteQuestion, DeprecateQuestion, EditQuestion, PromoteQuestion } from './questions';

/** All that is known of a binary, and what can be done with it. */
export function BuildDetails({
  build,
  latest,
  changed,
}: {
  build: Build;
  latest: ReadonlyMap<Channel, string>;
  changed: () => void;
}) {
  const [first] = build.rows;
  const [isRollingBack, setRollingBack] = useState(false);
  return (
    <div class="build-details">
      {wasRolledBack(build.version) && <RollbackProgress version={build.version} />}
      <dl class="facts">
        <dt>Binary</dt>
        <dd>
          <span class="copyable">
            <span>
              {bytes(first.file_size)} ({count(first.file_size)} bytes) for {boardText(build.platform)}
            </span>
            <Download row={first} />
          </span>
        </dd>
        <Checksum name="SHA-256" value={first.sha256_checksum} />
        <Checksum name="MD5" value={first.md5_checksum} />
      </dl>
      <div class="actions">
        <ScopedButton scope="rollouts:write" class="small danger quiet" onClick={() => setRollingBack(true)}>
          Roll back {build.version}
        </ScopedButton>
        <span class="hint">Moves every printer that runs it back to an older version.</span>
        <ScopeNote scope="rollouts:write" />
      </div>
      {isRollingBack && <LazyRollbackDialog version={build.version} close={() => setRollingBack(false)} />}
      <div class="channel-sections">
        {build.rows.map((row) => (
          <ChannelSection
            key={row.id}
            row={row}
            latest={latest.get(row.channel)}
            missing={CHANNELS.filter((channel) => !build.rows.some((other) => other.channel === channel))}
            changed={changed}
          />
        ))}
      </div>
    </div>
  );
}

function Checksum({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <span class="copyable">
          <span class="mono">{value}</span> <CopyButton text={value} />
        </span>
      </dd>
    </>
  );
}

/** True if rollouts move printers back from a version, or have done so: asking for a rollback that never was would be an error. */
function wasRolledBack(version: string): boolean {
  return [...live.rollouts.value.values()].some(
    ({ rolls_back: rollsBack }) => rollsBack?.firmware_version === version,
  );
}

/** Fetches the binary with the key, which a plain link would not send. */
function Download({ row }: { row: Firmware }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const download = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const address = URL.createObjectURL(await api.downloadFirmware(row.version, rowOf(row)));
      const link = document.createElement('a');
      link.href = address;
      link.download = `paperminder-${keyOf(row).replace(' ', '-')}.bin`;
      link.click();
      // The browser has begun to save it by then.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class="small quiet"
        disabled={busy}
        aria-busy={busy}
        onClick={() => void download()}
      >
        Download
      </button>
      <Failure error={error} />
    </>
  );
}

type Question = 'promote' | 'edit' | 'deprecate' | 'delete';

function ChannelSection({
  row,
  latest,
  missing,
  changed,
}: {
  row: Firmware;
  latest: string | undefined;
  /** The channels that lack this build. */
  missing: readonly Channel[];
  changed: () => void;
}) {
  const [question, setQuestion] = useState<Question | null>(null);
  const isDeprecated = row.deprecated_at !== null;
  const asked = { row, close: () => setQuestion(null), changed };
  const ask = (name: Question, children: ComponentChildren, kind = '') => (
    <ScopedButton scope="firmware:write" class={`small quiet ${kind}`} onClick={() => setQuestion(name)}>
      {children}
    </ScopedButton>
  );
  return (
    <section aria-label={`${row.version} in ${row.channel}`}>
      <header>
        <h3>{row.channel}</h3>
        <Offer row={row} latest={latest} />
        {row.mandatory && <span class="tag">mandatory</span>}
      </header>
      <Results row={row} />
      <ChannelFacts row={row} />
      <Notes title="Release notes" text={row.release_notes} />
      <Notes title="Changelog" text={row.changelog} />
      <div class="actions">
        {!isDeprecated && (
          <RollOutLink version={row.version} channel={row.channel} label={`Roll out to ${row.channel}`} />
        )}
        {!isDeprecated && missing.length > 0 && ask('promote', 'Promote')}
        {ask('edit', 'Edit')}
        {ask('deprecate', isDeprecated ? 'Offer again' : 'Deprecate')}
        {ask('delete', 'Delete', 'danger')}
        <ScopeNote scope="firmware:write" />
      </div>
      {question === 'promote' && <PromoteQuestion {...asked} missing={missing} />}
      {question === 'edit' && <EditQuestion {...asked} />}
      {question === 'deprecate' && <DeprecateQuestion {...asked} />}
      {question === 'delete' && <DeleteQuestion {...asked} />}
    </section>
  );
}

function Results({ row }: { row: Firmware }) {
  const parts = updateParts([row]);
  return (
    <div class="results">
      {row.success_count + row.failure_count > 0 && (
        <>
          <StackedBar parts={parts} label={`Updates to ${row.version} through ${row.channel}`} slim />
          <Legend parts={parts} />
        </>
      )}
      <p class="hint">
        {row.success_count + row.failure_count === 0 && 'No update has finished yet; '}
        {counted(row.download_count, 'download')}
        {row.failure_count > 0 && '. Counts updates, not printers: a retried update counts again.'}
      </p>
    </div>
  );
}

function ChannelFacts({ row }: { row: Firmware }) {
  return (
    <dl class="facts">
      <dt>Released</dt>
      <dd>
        <When at={row.released_at} />
      </dd>
      {row.deprecated_at !== null && (
        <>
          <dt>Deprecated</dt>
          <dd>
            <When at={row.deprecated_at} />
          </dd>
        </>
      )}
      <dt>Upgrades from</dt>
      <dd>{row.min_upgrade_version === null ? 'any version' : `${row.min_upgrade_version} or later`}</dd>
      <dt>Signature</dt>
      <dd>
        {row.signature === null ? (
          'none'
        ) : (
          <>
            <span class="copyable">
              <span class="mono">{row.signature}</span> <CopyButton text={row.signature} />
            </span>
            {row.signing_key_fingerprint !== null && (
              <span class="hint">
                by the key <span class="mono">{row.signing_key_fingerprint}</span>
              </span>
            )}
          </>
        )}
      </dd>
    </dl>
  );
}

function Notes({ title, text }: { title: string; text: string | null }) {
  if (text === null || text.trim() === '') return null;
  return (
    <div class="notes">
      <h4>{title}</h4>
      <PlainText text={text} />
    </div>
  );
}
