import { CHANNELS, channelOf } from '../../ui/channels';
import { Field } from '../../ui/field';
import type { Channel } from '../../api/types';

/** What is typed about a binary, by the names of the form that the server takes. */
export interface UploadDraft {
  version: string;
  channel: Channel;
  platform: string;
  release_notes: string;
  changelog: string;
  mandatory: boolean;
  min_upgrade_version: string;
  signature: string;
}

/** The form as it stands before anybody has typed. */
export const EMPTY_DRAFT: UploadDraft = {
  version: '',
  channel: 'stable',
  platform: '',
  release_notes: '',
  changelog: '',
  mandatory: false,
  min_upgrade_version: '',
  signature: '',
};

/** What is to be sent: what was left empty is not. */
export function textsOf(draft: UploadDraft): Array<readonly [string, string]> {
  return Object.entries(draft)
    .map(([name, value]) => [name, typeof value === 'string' ? value.trim() : value ? 'true' : ''] as const)
    .filter(([, text]) => text !== '');
}

/** The fields of an upload, beside the file. */
export function UploadFields({
  draft,
  change,
  errorOf,
  hasSigningKeys,
}: {
  draft: UploadDraft;
  change: (part: Partial<UploadDraft>) => void;
  errorOf: (field: string) => string | null;
  hasSigningKeys: boolean;
}) {
  return (
    <>
      <div class="field-row">
        <Field label="Version" hint="Semantic, such as 1.5.0 or 1.5.0-beta.2" error={errorOf('version')}>
          {(attributes) => (
            <input
              {...attributes}
              value={draft.version}
              required
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => change({ version: currentTarget.value })}
            />
          )}
        </Field>
        <Field label="Channel" hint="You can promote it to another one later" error={errorOf('channel')}>
          {(attributes) => (
            <select
              {...attributes}
              value={draft.channel}
              onChange={({ currentTarget }) =>
                change({ channel: channelOf(currentTarget.value) ?? 'stable' })
              }
            >
              {CHANNELS.map((channel) => (
                <option key={channel}>{channel}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Board" hint="platform, such as esp8266; empty: every board" error={errorOf('platform')}>
          {(attributes) => (
            <input
              {...attributes}
              value={draft.platform}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => change({ platform: currentTarget.value })}
            />
          )}
        </Field>
        <Field
          label="From version"
          hint="min_upgrade_version: the lowest version that can upgrade to this one; empty: any"
          error={errorOf('min_upgrade_version')}
        >
          {(attributes) => (
            <input
              {...attributes}
              value={draft.min_upgrade_version}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => change({ min_upgrade_version: currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <NotesFields draft={draft} change={change} errorOf={errorOf} />
      {(hasSigningKeys || errorOf('signature') !== null) && (
        <SignatureField
          value={draft.signature}
          change={(signature) => change({ signature })}
          error={errorOf('signature')}
        />
      )}
    </>
  );
}

/** What can be changed later, too. */
export function NotesFields({
  draft,
  change,
  errorOf,
}: {
  draft: Pick<UploadDraft, 'release_notes' | 'changelog' | 'mandatory'>;
  change: (part: Partial<Pick<UploadDraft, 'release_notes' | 'changelog' | 'mandatory'>>) => void;
  errorOf: (field: string) => string | null;
}) {
  return (
    <>
      <Field label="Release notes" hint="A short summary" error={errorOf('release_notes')}>
        {(attributes) => (
          <textarea
            {...attributes}
            rows={2}
            value={draft.release_notes}
            onInput={({ currentTarget }) => change({ release_notes: currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="Changelog"
        hint="The details; lines that begin with “- ” are shown as a list"
        error={errorOf('changelog')}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            rows={4}
            value={draft.changelog}
            onInput={({ currentTarget }) => change({ changelog: currentTarget.value })}
          />
        )}
      </Field>
      <label>
        <input
          type="checkbox"
          checked={draft.mandatory}
          onChange={({ currentTarget }) => change({ mandatory: currentTarget.checked })}
        />
        Mandatory: printers with auto_update off get it, too
      </label>
    </>
  );
}

/** A detached signature, as `npm run sign` prints it. */
export function SignatureField({
  value,
  change,
  error,
}: {
  value: string;
  change: (signature: string) => void;
  error: string | null;
}) {
  return (
    <Field
      label="Signature"
      hint="Required, because signing keys are registered: the base64 text that “npm run sign” prints for exactly this file."
      error={error}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          class="mono"
          rows={2}
          value={value}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
    </Field>
  );
}
