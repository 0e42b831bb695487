import type { PrinterQuery } from '../../api/api';
import { address } from '../../ui/address';

/** What narrows the list down; each is a parameter of the API, and of the page's own URL. */
export const FILTERS = [
  'search',
  'online',
  'firmware_version',
  'channel',
  'platform',
  'user_id',
  'auto_update',
  'blocked',
  'problems',
  'failed',
  'behind',
  'about_to_run',
] as const;

/** What the list can be sorted by. */
export type Sort = 'id' | 'name' | 'firmware_version';

/** What the URL of the page says; all of it text, as it stands there. */
export type ListQuery = Partial<
  Record<(typeof FILTERS)[number] | 'sort' | 'order' | 'cursor' | 'page', string>
>;

/** The URL of the list after a change. Whatever changes but the page itself leads to the first page. */
export function listUrl(query: ListQuery, change: ListQuery): string {
  const begin: ListQuery = 'cursor' in change ? {} : { cursor: '', page: '' };
  return address('/printers', { ...known(query), ...begin, ...change });
}

/** What the API is asked for: the texts as they stand, so that the server says what is wrong with one. */
export function apiQuery(query: ListQuery): PrinterQuery {
  const asked = Object.entries({ ...known(query), page: '' });
  return Object.fromEntries(asked.filter(([, text]) => Boolean(text)));
}

/** The list without its page: the same for all pages of a list. */
export function listKey(query: ListQuery): string {
  return listUrl(query, {});
}

/** True if something narrows the list down. */
export function isFiltered(query: ListQuery): boolean {
  return FILTERS.some((name) => (query[name] ?? '') !== '');
}

/** The order that is shown; a search is answered by name unless another order is asked for. */
export function orderOf(query: ListQuery): { sort: Sort; descending: boolean } {
  const { sort } = query;
  const searching = (query.search ?? '') !== '';
  return {
    sort: sort === 'id' || sort === 'name' || sort === 'firmware_version' ? sort : searching ? 'name' : 'id',
    descending: query.order === 'desc',
  };
}

/** The number of the page that is shown, from 1. */
export function pageOf(query: ListQuery): number {
  const page = Number(query.page);
  return query.cursor !== undefined && Number.isSafeInteger(page) && page > 1 ? page : 1;
}

function known(query: ListQuery): ListQuery {
  const names = [...FILTERS, 'sort', 'order', 'cursor', 'page'] as const;
  return Object.fromEntries(names.map((name) => [name, query[name]]));
}
