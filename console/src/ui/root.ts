// Every chunk of the built console is in /assets/, below whatever path a proxy has put the server; Vite serves the sources at the root.
const BUILT = /^(.*)\/assets\/[^/]+$/;

/** The path that the console is served below, without a slash at the end: empty, or e.g. `/paperminder`. */
export const root = BUILT.exec(new URL(import.meta.url).pathname)?.[1] ?? '';

/** A path of the server as this browser reaches it. */
export function below(path: string): string {
  return root + path;
}
