import '@picocss/pico/css/pico.min.css';
import './style/index.css';
import { render } from 'preact';
import { App } from './app';
import { startLive } from './api/live';
import { startTheme } from './ui/theme';

startTheme();
startLive();
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
