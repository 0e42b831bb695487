import { useEffect } from 'preact/hooks';
import { ErrorBoundary, Route, Router, lazy, useLocation } from 'preact-iso';
import { caller } from './api/caller';
import { forgetKey, apiKey } from './api/key';
import { live } from './api/live';
import type { LiveState } from './api/live';
import { keyWanted, wasLetIn } from './api/request';
import { SignIn } from './pages/sign-in';
import { count } from './ui/format';
import { Empty, PageHead, pageTitle } from './ui/parts';
import { below } from './ui/root';
import { RootedLocation } from './ui/rooted-location';
import { ServerWarnings } from './ui/server-warnings';
import { themeChoice } from './ui/theme';
import type { ThemeChoice } from './ui/theme';

// Pages load their code on demand.
const FleetPage = lazy(() => import('./pages/fleet').then((page) => page.FleetPage));
const PrintersPage = lazy(() => import('./pages/printers').then((page) => page.PrintersPage));
const PrinterPage = lazy(() => import('./pages/printer').then((page) => page.PrinterPage));
const FirmwarePage = lazy(() => import('./pages/firmware').then((page) => page.FirmwarePage));
const RolloutsPage = lazy(() => import('./pages/rollouts').then((page) => page.RolloutsPage));
const NewRolloutPage = lazy(() => import('./pages/new-rollout').then((page) => page.NewRolloutPage));
const RolloutPage = lazy(() => import('./pages/rollout').then((page) => page.RolloutPage));
const InboxPage = lazy(() => import('./pages/inbox').then((page) => page.InboxPage));
const TryItPage = lazy(() => import('./pages/try-it').then((page) => page.TryItPage));

/** The console. */
export function App() {
  const title = keyWanted.value === null ? pageTitle.value : 'Sign in';
  useEffect(() => {
    document.title = `${title} · PaperMinder`;
  }, [title]);
  return (
    <RootedLocation>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header />
      <main id="main" class="page" tabIndex={-1}>
        {keyWanted.value !== null && <SignIn />}
        {(keyWanted.value === null || wasLetIn.value) && (
          // Whoever has to sign in again finds what was typed.
          <div hidden={keyWanted.value !== null}>
            <ServerWarnings />
            <Pages />
          </div>
        )}
      </main>
    </RootedLocation>
  );
}

function Pages() {
  return (
    <ErrorBoundary>
      <Router>
        <Route path="/" component={FleetPage} />
        <Route path="/printers" component={PrintersPage} />
        <Route path="/printers/:id" component={PrinterPage} />
        <Route path="/firmware" component={FirmwarePage} />
        <Route path="/rollouts" component={RolloutsPage} />
        <Route path="/rollouts/new" component={NewRolloutPage} />
        <Route path="/rollouts/:id" component={RolloutPage} />
        <Route path="/inbox" component={InboxPage} />
        <Route path="/try" component={TryItPage} />
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}

const PAGES = [
  ['/', 'Fleet'],
  ['/printers', 'Printers'],
  ['/firmware', 'Firmware'],
  ['/rollouts', 'Rollouts'],
  ['/inbox', 'Inbox'],
] as const;

function Header() {
  const { path } = useLocation();
  const pages = live.hello.value?.simulator === true ? [...PAGES, ['/try', 'Try it'] as const] : PAGES;
  return (
    <header class="top">
      <div class="top-inner">
        <a class="brand" href="/">
          <img src={below('/favicon.svg')} alt="" width="24" height="24" />
          <span>PaperMinder</span>
        </a>
        <nav aria-label="Pages">
          <ul>
            {pages.map(([href, name]) => (
              <li key={href}>
                <a href={href} data-name={name} aria-current={isAt(path, href) ? 'page' : undefined}>
                  {name}
                  {href === '/inbox' && <InboxBadge />}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="top-end">
          <WhoIsSignedIn />
          <Connection state={live.state.value} />
          <ThemeSwitch />
          {apiKey.value !== null && keyWanted.value === null && (
            <button type="button" class="small quiet" onClick={signOut}>
              Sign out
            </button>
          )}
        </div>
      </div>
    </header>
  );
}

/** How many printers wait for an operator. */
function InboxBadge() {
  const summary = live.summary.value;
  const waiting = summary === null ? 0 : summary.waiting + summary.printers.problems;
  if (waiting === 0) return null;
  return (
    <span class="badge">
      {count(waiting)}
      <span class="visually-hidden"> need attention</span>
    </span>
  );
}

function WhoIsSignedIn() {
  const { value } = caller;
  if (value === null) return null;
  if (value.kind !== 'key') {
    const [name, meaning] = WITHOUT_KEY[value.kind];
    return (
      <span class="who" title={meaning}>
        {name}
      </span>
    );
  }
  const scopes = value.scopes.join(', ');
  return (
    <span class="who" title={`Signed in with the key “${value.name ?? ''}”: ${scopes}`}>
      <span class="visually-hidden">Signed in as </span>
      <b>{value.name}</b> <span class="hint">{scopes}</span>
    </span>
  );
}

const WITHOUT_KEY = {
  local: ['On this machine', 'There is no key yet, so anyone on this machine has full access.'],
  anybody: ['Open access', 'This server requires no key (AUTH=none).'],
} as const;

function isAt(path: string, href: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
}

function signOut(): void {
  forgetKey();
  location.assign(below('/'));
}

const WORDS: Record<LiveState, string> = {
  connecting: 'Connecting',
  open: 'Live',
  lost: 'Connection lost: reconnecting',
  denied: 'No access',
  resting: 'Paused',
};

function Connection({ state }: { state: LiveState }) {
  return (
    <span class={`connection ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {keyWanted.value === null ? WORDS[state] : 'Not signed in'}
    </span>
  );
}

const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { auto: 'light', light: 'dark', dark: 'auto' };

function ThemeSwitch() {
  const choice = themeChoice.value;
  return (
    <button
      type="button"
      class="small quiet"
      title="Theme: auto (as the system), light or dark"
      onClick={() => (themeChoice.value = NEXT_THEME[choice])}
    >
      Theme: {choice}
    </button>
  );
}

function NotFound() {
  return (
    <>
      <PageHead title="Page not found" />
      <Empty title="This page does not exist.">
        <p>
          The address may be mistyped, or the link may be out of date. <a href="/">Go to the fleet</a>
        </p>
      </Empty>
    </>
  );
}
