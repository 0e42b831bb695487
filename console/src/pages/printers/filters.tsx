import { useEffect, useRef } from 'preact/hooks';
import { live } from '../../api/live';
import { CHANNELS } from '../../ui/channels';
import { FILTERS, isFiltered, orderOf } from './query';
import type { ListQuery } from './query';

type Change = (change: ListQuery, replace?: boolean) => void;

// Short enough to feel live, long enough that a word is one request.
const TYPING_MS = 250;

const ALWAYS_SHOWN: ReadonlySet<string> = new Set(['search', 'online', 'failed', 'behind']);

/** What narrows the list of printers down. */
export function Filters({ query, change }: { query: ListQuery; change: Change }) {
  const hidden = FILTERS.filter((name) => !ALWAYS_SHOWN.has(name) && (query[name] ?? '') !== '').length;
  const openAtFirst = useRef(hidden > 0).current;
  return (
    <search class="printer-filters">
      <div class="filters">
        <Text
          label="Search"
          hint="Name, number or UUID"
          name="search"
          query={query}
          change={change}
          whileTyping
        />
        <Choice label="Status" name="online" query={query} change={change} options={ONLINE} />
        <Choice label="Last update" name="failed" query={query} change={change} options={FAILED} />
        <Choice label="Due update" name="behind" query={query} change={change} options={BEHIND} />
        <Order query={query} change={change} />
      </div>
      <div class="more">
        <details open={openAtFirst}>
          <summary>More filters{hidden > 0 && ` (${hidden} set)`}</summary>
          <div class="filters">
            <Text
              label="Version"
              name="firmware_version"
              query={query}
              change={change}
              suggestions={versions()}
            />
            <Text
              label="About to run"
              hint="Version"
              name="about_to_run"
              query={query}
              change={change}
              suggestions={versions()}
            />
            <Choice label="Channel" name="channel" query={query} change={change} options={CHANNEL_OPTIONS} />
            <Text label="Board" name="platform" query={query} change={change} suggestions={BOARDS} />
            <Choice
              label="Auto-update"
              name="auto_update"
              query={query}
              change={change}
              options={ON_OR_OFF}
            />
            <Choice label="Blocked" name="blocked" query={query} change={change} options={YES_OR_NO} />
            <Choice label="Problems" name="problems" query={query} change={change} options={YES_OR_NO} />
            <Text label="Owner" hint="UUID" name="user_id" query={query} change={change} />
          </div>
        </details>
        {isFiltered(query) && (
          <button type="button" class="small quiet" onClick={() => change(NONE)}>
            Clear the filters
          </button>
        )}
      </div>
    </search>
  );
}

/** No filter at all. */
export const NONE: ListQuery = Object.fromEntries(FILTERS.map((name) => [name, '']));

type Options = ReadonlyArray<readonly [value: string, name: string]>;

const ONLINE: Options = [
  ['true', 'Online'],
  ['false', 'Offline'],
];
const FAILED: Options = [
  ['true', 'Failed'],
  ['false', 'Not failed'],
];
const BEHIND: Options = [
  ['true', 'Due (behind)'],
  ['false', 'None due'],
];
const CHANNEL_OPTIONS: Options = CHANNELS.map((channel) => [channel, channel]);
const ON_OR_OFF: Options = [
  ['true', 'On'],
  ['false', 'Off'],
];
const YES_OR_NO: Options = [
  ['true', 'Yes'],
  ['false', 'No'],
];
const BOARDS = ['esp8266', 'esp32'];
const ORDERS: Options = [
  ['id asc', 'Number, lowest first'],
  ['id desc', 'Number, highest first'],
  ['name asc', 'Name, A to Z'],
  ['name desc', 'Name, Z to A'],
  ['firmware_version asc', 'Version, lowest first'],
  ['firmware_version desc', 'Version, highest first'],
];

function versions(): string[] {
  const counts = live.summary.value?.versions ?? [];
  return counts.map(({ version }) => version).filter((version) => version !== 'other');
}

interface FieldProps {
  label: string;
  name: (typeof FILTERS)[number];
  query: ListQuery;
  change: Change;
}

function Choice({ label, name, query, change, options }: FieldProps & { options: Options }) {
  return (
    <label>
      {label}
      <select
        name={name}
        value={query[name] ?? ''}
        onChange={(event) => change({ [name]: event.currentTarget.value })}
      >
        <option value="">Any</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** For narrow screens, whose tables have no head to sort by. */
function Order({ query, change }: { query: ListQuery; change: Change }) {
  const { sort, descending } = orderOf(query);
  return (
    <label class="order">
      Order
      <select
        name="order"
        value={`${sort} ${descending ? 'desc' : 'asc'}`}
        onChange={(event) => {
          const [by, order] = event.currentTarget.value.split(' ');
          change({ sort: by ?? '', order: order ?? '' });
        }}
      >
        {ORDERS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A text that counts once it is complete, or, `whileTyping`, as soon as nothing was typed for a moment. */
function Text({
  label,
  hint,
  name,
  query,
  change,
  suggestions,
  whileTyping = false,
}: FieldProps & { hint?: string; suggestions?: readonly string[]; whileTyping?: boolean }) {
  const value = query[name] ?? '';
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const sent = useRef(value);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // Changed from elsewhere: a link, the browser's Back. What is being typed is left alone.
    if (value !== sent.current && input.current !== null) input.current.value = value;
    sent.current = value;
  }, [value]);
  const send = (): void => {
    clearTimeout(timer.current);
    const text = input.current?.value.trim() ?? '';
    if (text === sent.current) return;
    sent.current = text;
    change({ [name]: text }, whileTyping);
  };
  const sendSoon = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(send, TYPING_MS);
  };
  return (
    <label>
      {label}
      <input
        ref={input}
        type={whileTyping ? 'search' : 'text'}
        name={name}
        defaultValue={value}
        placeholder={hint}
        maxLength={128}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        list={suggestions && `${name}-suggestions`}
        onInput={whileTyping ? sendSoon : undefined}
        onChange={send}
      />
      {suggestions && (
        <datalist id={`${name}-suggestions`}>
          {suggestions.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
      )}
    </label>
  );
}
