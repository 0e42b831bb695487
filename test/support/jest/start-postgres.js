import { startEmbeddedPostgres } from '../postgres/embedded.js';

/**
 * Starts the PostgreSQL that the tests of the project "postgres" use, once for the whole run. The workers find its address in the
 * environment. `PAPERMINDER_TEST_POSTGRES` names another server, whose user may create databases.
 */
export default async function startPostgres() {
  if (process.env.PAPERMINDER_TEST_POSTGRES !== undefined) return;
  const server = await startEmbeddedPostgres();
  if (server === null) {
    process.stdout.write(
      `Not tested on PostgreSQL: there are no binaries of it for ${process.platform} ${process.arch}\n`,
    );
    return;
  }
  process.env.PAPERMINDER_TEST_POSTGRES = server.url;
  globalThis.paperminderPostgres = server;
}
