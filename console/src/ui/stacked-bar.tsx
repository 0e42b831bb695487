import { count, shares } from './format';

/** One part of a bar. */
export interface Part {
  /** Names its colour. */
  kind: string;
  label: string;
  value: number;
}

/** Parts of a whole as a bar. The numbers stand in its text for those who do not see it. */
export function StackedBar({
  parts,
  label,
  slim = false,
}: {
  parts: readonly Part[];
  label: string;
  slim?: boolean;
}) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  const shown = parts.filter((part) => part.value > 0);
  const shareOf = shares(shown.map(({ value }) => value));
  const text = shown.map((part) => `${part.label} ${count(part.value)}`).join(', ');
  let begin = 0;
  return (
    <svg
      class={slim ? 'stacked slim' : 'stacked'}
      viewBox="0 0 1000 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${text === '' ? 'none' : text}`}
    >
      <rect class="track" width="1000" height="10" />
      {shown.map((part, index) => {
        const x = begin;
        // What is there must be seen, were it one of a million.
        const width = Math.max((part.value / whole) * 1000, 4);
        begin += (part.value / whole) * 1000;
        return (
          <rect
            key={part.kind}
            class={`fill ${part.kind}`}
            x={Math.min(x, 1000 - width)}
            width={width}
            height="10"
          >
            <title>{`${part.label}: ${count(part.value)} (${shareOf[index]})`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** The parts of a bar with their names and numbers. */
export function Legend({
  parts,
  hideEmpty = false,
  withShares = false,
}: {
  parts: readonly Part[];
  hideEmpty?: boolean;
  /** Says how much of the whole each part is, too. */
  withShares?: boolean;
}) {
  const shown = parts.filter((part) => !hideEmpty || part.value > 0);
  const shareOf = shares(shown.map(({ value }) => value));
  return (
    <ul class="legend">
      {shown.map((part, index) => (
        <li key={part.kind}>
          <span class={`swatch ${part.kind}`} aria-hidden="true" />
          {part.label} <b>{count(part.value)}</b>
          {withShares && <span class="hint">{shareOf[index]}</span>}
        </li>
      ))}
    </ul>
  );
}
