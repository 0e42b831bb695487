const NAME = 'paperminder-printer-pages';

interface Trail {
  list: string;
  /** Where each page begins, by its number. */
  cursors: Record<number, string>;
}

/** Remembers where a page begins: a cursor leads forward only. Survives a reload of the tab. */
export function rememberPage(list: string, page: number, cursor: string): void {
  const trail = read(list);
  if (trail.cursors[page] === cursor) return;
  trail.cursors[page] = cursor;
  sessionStorage.setItem(NAME, JSON.stringify(trail));
}

/** Where a page begins; null if nobody has been there in this tab. */
export function beginOf(list: string, page: number): string | null {
  return page === 1 ? '' : (read(list).cursors[page] ?? null);
}

function read(list: string): Trail {
  try {
    const trail = JSON.parse(sessionStorage.getItem(NAME) ?? '') as Trail;
    if (trail.list === list) return trail;
  } catch {
    // Nothing is remembered yet.
  }
  return { list, cursors: {} };
}
