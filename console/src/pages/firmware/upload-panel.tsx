import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../../api/request';
import type { Firmware, UploadedFirmware } from '../../api/types';
import { upload } from '../../api/upload';
import { CurlText, curlUpload } from '../../ui/curl';
import { FormFailure, isAllBeside, useFocusOnError } from '../../ui/field';
import { bytes, percent } from '../../ui/format';
import { Panel } from '../../ui/parts';
import { isTouchScreen } from '../../ui/pointer';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { boardText } from './builds';
import { guess } from './file-name';
import { EMPTY_DRAFT, UploadFields, textsOf } from './upload-fields';
import type { UploadDraft } from './upload-fields';
import { useDroppedFiles } from './use-dropped-files';
import { useSigningKeys } from './use-signing-keys';

interface Progress {
  sent: number;
  total: number;
}

/** Takes a binary, asks what it is, and sends it. What was typed stays until the server has taken it. */
export function UploadPanel({ isFirst, uploaded }: { isFirst: boolean; uploaded: (row: Firmware) => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [note, setNote] = useState<string | null>(null);
  const [draft, setDraft] = useState<UploadDraft>(EMPTY_DRAFT);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState<UploadedFirmware | null>(null);
  const stopper = useRef<AbortController | null>(null);
  const form = useFocusOnError(error);
  const hasSigningKeys = useSigningKeys();

  const take = (files: File[]): void => {
    const [first] = files;
    if (first === undefined || progress !== null) return;
    const guessed = guess(first.name);
    const before = file === null ? null : guess(file.name);
    setFile(first);
    setDone(null);
    setError(null);
    setNote(
      files.length > 1
        ? `Only one file at a time: ${first.name} of ${files.length} files was selected.`
        : null,
    );
    // What the last file's name said may be replaced, what was typed may not.
    setDraft((old) => ({
      ...old,
      version: replaces(old.version, before?.version) ? guessed.version : old.version,
      platform: replaces(old.platform, before?.platform) ? guessed.platform : old.platform,
    }));
  };
  const isOver = useDroppedFiles(take);

  const send = async (): Promise<void> => {
    if (file === null) return;
    const body = new FormData();
    for (const [name, text] of textsOf(draft)) body.append(name, text);
    body.append('file', file);
    stopper.current = new AbortController();
    setError(null);
    setNote(null);
    setProgress({ sent: 0, total: file.size });
    try {
      const row = await upload(body, (sent, total) => setProgress({ sent, total }), stopper.current.signal);
      setFile(null);
      setDraft(EMPTY_DRAFT);
      setDone(row);
      uploaded(row);
    } catch (failure) {
      if (stopper.current.signal.aborted) setNote('Stopped: nothing was uploaded.');
      else setError(failure);
    } finally {
      setProgress(null);
    }
  };
  const clear = (): void => {
    setFile(null);
    setDraft(EMPTY_DRAFT);
    setError(null);
    setNote(null);
  };

  const errorOf = (field: string): string | null => uploadError(error, field);
  return (
    <Panel title={isFirst ? 'Upload your first binary' : 'Upload'}>
      {done !== null && <Done row={done} />}
      <DropZone file={file} isOver={isOver} isLarge={isFirst} isBusy={progress !== null} take={take} />
      {errorOf('file') !== null && <p class="field-error">{errorOf('file')}</p>}
      {note !== null && (
        <p class="hint" role="status">
          {note}
        </p>
      )}
      {file !== null && (
        <form
          ref={form}
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <fieldset class="upload-fields" disabled={progress !== null}>
            <legend class="visually-hidden">Details</legend>
            <UploadFields
              draft={draft}
              change={(part) => setDraft((old) => ({ ...old, ...part }))}
              errorOf={errorOf}
              hasSigningKeys={hasSigningKeys}
            />
          </fieldset>
          <FormFailure error={error} isBesideField={isBesideField(error)} />
          {progress === null ? (
            <div class="actions">
              <ScopedButton scope="firmware:write" type="submit">
                Upload
              </ScopedButton>
              <button type="button" class="quiet" onClick={clear}>
                Clear
              </button>
              <ScopeNote scope="firmware:write" />
            </div>
          ) : (
            <Sending progress={progress} stop={() => stopper.current?.abort()} />
          )}
        </form>
      )}
      <CurlText command={curlUpload('/api/firmware/upload', file?.name ?? EXAMPLE_FILE, curlTexts(draft))} />
    </Panel>
  );
}

const EXAMPLE_FILE = 'paperminder-1.5.0.bin';
const FIELDS = ['file', ...Object.keys(EMPTY_DRAFT)];

function replaces(typed: string, guessedBefore: string | undefined): boolean {
  return typed === '' || typed === guessedBefore;
}

function curlTexts(draft: UploadDraft): Array<readonly [string, string]> {
  return textsOf(draft.version === '' ? { ...draft, version: '1.5.0' } : draft);
}

/** Some refusals name no field, but there is one that they are about. */
function uploadError(error: unknown, field: string): string | null {
  if (!(error instanceof ApiError)) return null;
  if (error.status === 409) return field === 'version' ? error.message : null;
  return error.of(field);
}

function isBesideField(error: unknown): boolean {
  if (error instanceof ApiError && error.status === 409) return true;
  return isAllBeside(error, FIELDS);
}

function DropZone({
  file,
  isOver,
  isLarge,
  isBusy,
  take,
}: {
  file: File | null;
  isOver: boolean;
  isLarge: boolean;
  isBusy: boolean;
  take: (files: File[]) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class={`drop-zone${isOver ? ' over' : ''}${isLarge ? ' large' : ''}`}>
      <p>
        {isOver ? (
          <b>Drop it here</b>
        ) : file === null ? (
          <>
            {isTouchScreen.value ? (
              <b>Choose a binary.</b>
            ) : (
              <>
                <b>Drop a binary anywhere on this page</b>, or choose one.
              </>
            )}{' '}
            The version is read from file names such as <code>{EXAMPLE_FILE}</code>.
          </>
        ) : (
          <>
            <b>{file.name}</b>, {bytes(file.size)}
          </>
        )}
      </p>
      <input
        ref={input}
        type="file"
        hidden
        onChange={({ currentTarget }) => {
          take([...(currentTarget.files ?? [])]);
          // The same file can be chosen again after a new build.
          currentTarget.value = '';
        }}
      />
      <button
        type="button"
        class={file === null ? '' : 'quiet'}
        disabled={isBusy}
        onClick={() => input.current?.click()}
      >
        {file === null ? 'Choose a file' : 'Choose another file'}
      </button>
    </div>
  );
}

function Sending({ progress: { sent, total }, stop }: { progress: Progress; stop: () => void }) {
  const isSent = total > 0 && sent >= total;
  return (
    <div class="sending">
      <progress value={sent} max={Math.max(total, 1)} aria-label="Sent" />
      <p>
        <span role="status">{isSent ? 'Sent; the server is checking it' : 'Sending'}</span>
        <span class="hint">
          {percent(sent, total)}, {bytes(sent)} of {bytes(total)}
        </span>
        <button type="button" class="small quiet danger" onClick={stop}>
          Stop
        </button>
      </p>
    </div>
  );
}

function Done({ row }: { row: UploadedFirmware }) {
  const query = new URLSearchParams({ version: row.version, channel: row.channel });
  const next = useRef<HTMLAnchorElement>(null);
  // The button that was pressed is gone with the form.
  useEffect(() => next.current?.focus(), []);
  return (
    <div role="status">
      <div class="notice good">
        <p>
          <b>{row.version}</b> for {boardText(row.platform)} is in {row.channel}. No printer gets it until you
          create a rollout.
        </p>
        <a ref={next} class="button small" href={`/rollouts/new?${query.toString()}`}>
          Roll out {row.version}
        </a>
      </div>
      {row.warnings.length > 0 && (
        <div class="notice warn">
          <p>
            <b>{row.warnings.length === 1 ? 'Warning' : 'Warnings'}</b>
          </p>
          <ul class="warnings">
            {row.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
