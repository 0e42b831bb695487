import { options } from 'preact';
import type { ComponentChildren, VNode } from 'preact';
import { LocationProvider, useLocation } from 'preact-iso';
import { useMemo } from 'preact/hooks';
import { below, root } from './root';

/**
 * Puts the console below its root: the pages name paths of the console (`/printers`), in links, in routes and in `useLocation`, and
 * need not know where a proxy has put it.
 */
export function RootedLocation({ children }: { children: ComponentChildren }) {
  return (
    <LocationProvider scope={below('/')}>
      <PathsOfConsole>{children}</PathsOfConsole>
    </LocationProvider>
  );
}

function PathsOfConsole({ children }: { children: ComponentChildren }) {
  const location = useLocation();
  const rooted = useMemo(
    () => ({
      ...location,
      url: withoutRoot(location.url),
      path: withoutRoot(location.path),
      route: (url: string, replace?: boolean) => location.route(below(url), replace),
    }),
    [location],
  );
  return <LocationProvider.ctx.Provider value={rooted}>{children}</LocationProvider.ctx.Provider>;
}

function withoutRoot(url: string): string {
  const rest = url.startsWith(root) ? url.slice(root.length) : url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Makes each link to a page of the console lead below its root. To be called once, before anything is rendered. */
export function rootLinks(): void {
  const before = options.vnode?.bind(options);
  options.vnode = (vnode) => {
    if (vnode.type === 'a') rootLink(vnode);
    before?.(vnode);
  };
}

function rootLink({ props }: VNode<{ href?: unknown }>): void {
  if (typeof props.href === 'string' && /^\/(?!\/)/.test(props.href)) props.href = below(props.href);
}
