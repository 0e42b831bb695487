import '@picocss/pico/css/pico.min.css';
import './style/index.css';
import { render } from 'preact';
import { App } from './app';
import { startCaller } from './api/caller';
import { startLive } from './api/live';
import { below } from './ui/root';
import { rootLinks } from './ui/rooted-location';
import { startTheme } from './ui/theme';

// A server that was updated has other files: the page that is open here asks for those of its own time.
addEventListener('vite:preloadError', () => location.reload());
rootLinks();
// Written relative to the page that was loaded, it would lead elsewhere from the next one.
document.querySelector('link[rel=icon]')?.setAttribute('href', below('/favicon.svg'));
startTheme();
startLive();
startCaller();
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
