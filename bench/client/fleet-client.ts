import { answerParent, tellListening } from '../ipc.js';
import { download, slowReaders } from './downloads.js';
import { LoadFleet } from './fleet.js';
import { ProgressLoad } from './progress-load.js';
import { httpLoad } from './raw-http.js';

// The load client: a process of its own, so that it and the server do not share a thread.

const fleet = new LoadFleet();

answerParent({
  connect: (order) => fleet.connect(order),
  close: () => {
    fleet.close();
    return {};
  },
  progress: ({ seconds, window }) => new ProgressLoad(fleet, window).run(seconds),
  arm: () => {
    fleet.arm();
    return {};
  },
  updates: ({ count, timeoutMs }) => fleet.untilUpdates(count, timeoutMs),
  hold: (how) => {
    fleet.hold(how);
    return {};
  },
  back: ({ timeoutMs }) => fleet.untilBack(timeoutMs),
  http: httpLoad,
  addresses: () => ({ paths: fleet.downloadPaths() }),
  download,
  slow: slowReaders,
});

// Nothing is listened on: this says that orders are taken now. The interval keeps the process alive, for loop-monitor.ts
// lets the channel to the parent not do so.
setInterval(() => undefined, 60_000);
tellListening(0);
