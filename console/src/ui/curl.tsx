import { apiKey } from '../api/key';
import { CopyButton } from './parts';
import { below } from './root';

/** A request as a command for a shell; a key stands in it by the name of a variable, never itself. */
export function curlCommand(method: string, path: string, body?: unknown): string {
  const lines = [`curl -X ${method} ${quoted(`${location.origin}${below(path)}`)}`];
  if (apiKey.value !== null) lines.push('-H "Authorization: Bearer $PAPERMINDER_KEY"');
  if (body !== undefined) {
    lines.push('-H "Content-Type: application/json"', `-d ${quoted(JSON.stringify(body, null, 2))}`);
  }
  return lines.join(' \\\n  ');
}

/** An upload as a command for a shell. What `texts` names is sent as it stands, even if it begins with `@`. */
export function curlUpload(
  path: string,
  file: string,
  texts: ReadonlyArray<readonly [string, string]>,
): string {
  const lines = [`curl ${quoted(`${location.origin}${below(path)}`)}`];
  if (apiKey.value !== null) lines.push('-H "Authorization: Bearer $PAPERMINDER_KEY"');
  lines.push(`-F ${quoted(`file=@${file}`)}`);
  for (const [name, text] of texts) lines.push(`--form-string ${quoted(`${name}=${text}`)}`);
  return lines.join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same request as a curl command, to copy. */
export function Curl({ method, path, body }: { method: string; path: string; body?: unknown }) {
  return <CurlText command={curlCommand(method, path, body)} />;
}

/** A curl command, to copy. */
export function CurlText({ command }: { command: string }) {
  return (
    <details class="curl">
      <summary>As a curl command</summary>
      <pre>
        <code>{command}</code>
      </pre>
      <CopyButton text={command} />
    </details>
  );
}
