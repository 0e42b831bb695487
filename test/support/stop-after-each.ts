import { afterEach } from '@jest/globals';

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Stops what a test has started when it ends, however it ends: the last first. To be called where hooks are declared; the function that it
 * returns remembers what it is given.
 */
export function stopAfterEach(): <T extends Stoppable>(one: T) => T {
  const running: Stoppable[] = [];
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
  });
  return (one) => {
    running.push(one);
    return one;
  };
}
