import type { Printer } from '../api/types';
import { When } from './when';

/** What a printer sends that cannot be used, in the words of the server, and since when. */
export function ProblemList({ problems }: { problems: Printer['problems'] }) {
  return (
    <ul class="problems">
      {problems.map(({ field, value, message, since }) => (
        <li key={field}>
          {message}
          {value !== null && (
            <>
              ; it sent <code>{value === '' ? '(nothing)' : value}</code>
            </>
          )}{' '}
          <span class="hint">
            since <When at={since} />
          </span>
        </li>
      ))}
    </ul>
  );
}
