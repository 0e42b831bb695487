import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { noteRollout } from '../../api/live';
import { ApiError } from '../../api/request';
import type { NewRollout, Preview } from '../../api/types';
import { Curl } from '../../ui/curl';
import { FormFailure, isAllBeside, useFocusOnError } from '../../ui/field';
import { NameAndNoteFields } from '../../ui/name-and-note';
import { Panel } from '../../ui/parts';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { CreateQuestion } from './create-question';
import type { Question } from './create-question';
import { firstDraft, toRequest } from './draft';
import type { Choice, Draft } from './draft';
import { FirmwareFields } from './firmware-fields';
import { PaceFields } from './pace-fields';
import { PreviewPanel } from './preview-panel';
import { TargetFields } from './target-fields';
import { usePreview } from './use-preview';

const FIELDS = [
  'firmware_version',
  'target',
  'target.user_ids',
  'target.printer_ids',
  'target.channels',
  'target.min_version',
  'target.max_version',
  'rollout_type',
  'rollout_percentage',
  'scheduled_for',
  'name',
  'note',
];

/** The form of a new rollout, and beside it whom it would reach. */
export function RolloutForm({
  query,
  choices,
}: {
  query: Record<string, string>;
  choices: readonly Choice[];
}) {
  const { route } = useLocation();
  const [draft, setDraft] = useState<Draft>(() => firstDraft(query, choices));
  // What was sent in vain: an error of the server, or the problems that the form had itself.
  const [failed, setFailed] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const form = useFocusOnError(failed);
  const { request, problems } = toRequest(draft);
  const preview = usePreview(request === null ? null : withoutTexts(request));

  const change = (part: Partial<Draft>): void => {
    setDraft((old) => ({ ...old, ...part }));
    setFailed((old: unknown) => (old instanceof ApiError ? null : old));
  };
  const error = failed instanceof ApiError ? failed : preview.error;
  const errorOf = (field: string): string | null => {
    const problem = problems.find((one) => one.field === field);
    if (problem && (problem.kind === 'wrong' || failed != null)) return problem.message;
    return request === null ? null : serverError(error, field);
  };

  const create = async (wanted: NewRollout): Promise<void> => {
    try {
      const rollout = await api.createRollout(wanted);
      noteRollout(rollout);
      route(`/rollouts/${rollout.id}`);
    } catch (failure) {
      setFailed(failure);
    }
  };
  const submit = async (): Promise<void> => {
    if (isBusy) return;
    if (request === null) {
      setFailed(problems);
      return;
    }
    setBusy(true);
    setFailed(null);
    try {
      setQuestion({ request, preview: await previewOf(request) });
    } catch (failure) {
      setFailed(failure);
    }
    setBusy(false);
  };
  const fields = { draft, change, errorOf };
  return (
    <>
      <form
        ref={form}
        class="rollout-form"
        noValidate
        onKeyDown={(event) => {
          // Enter in a field must not send firmware to a fleet: the button does.
          if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
        }}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div>
          <FirmwareFields {...fields} choices={choices} />
          <TargetFields {...fields} />
          <PaceFields {...fields} preview={preview} />
          <Panel title="Name and note" aside={<span class="hint">Optional</span>}>
            <NameAndNoteFields value={draft} change={change} errorOf={errorOf} />
          </Panel>
        </div>
        <div class="rollout-aside">
          <PreviewPanel preview={preview} problems={problems} isErrorBeside={isBesideField(preview.error)} />
          {failed instanceof ApiError && <FormFailure error={failed} isBesideField={isBesideField(failed)} />}
          <div class="actions">
            <ScopedButton scope="rollouts:write" type="submit" aria-busy={isBusy}>
              Create rollout
            </ScopedButton>
            <ScopeNote scope="rollouts:write" />
          </div>
          {request !== null && <Curl method="POST" path="/api/rollouts" body={request} />}
        </div>
      </form>
      {question !== null && (
        <CreateQuestion
          question={question}
          create={() => create(question.request)}
          close={() => setQuestion(null)}
        />
      )}
    </>
  );
}

/** What a rollout does depends on neither its name nor its note: typing them counts no printers again. */
function withoutTexts(request: NewRollout): NewRollout {
  const counted = { ...request };
  delete counted.name;
  delete counted.note;
  return counted;
}

/** Some refusals name no field, but are about the version: there is none, or it may not go out. */
function isAboutVersion(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 404 || error.status === 409);
}

function serverError(error: unknown, field: string): string | null {
  if (isAboutVersion(error)) return field === 'firmware_version' ? error.message : null;
  return error instanceof ApiError ? error.of(field) : null;
}

function isBesideField(error: unknown): boolean {
  return isAboutVersion(error) || isAllBeside(error, FIELDS);
}

/** What the rollout would do at this moment; null if the server refuses nothing, but cannot count the printers. */
async function previewOf(request: NewRollout): Promise<Preview | null> {
  try {
    return await api.previewRollout(request);
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) throw error;
    return null;
  }
}
