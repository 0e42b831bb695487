import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';

/** Downloads a binary as a board does: no redirects, no compression, and only a 200 with a length is accepted. */
export function fetchBinary(url: string, headers: Record<string, string>): Promise<Buffer> {
  const get = url.startsWith('https:') ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      const length = Number(response.headers['content-length']);
      if (response.statusCode !== 200 || Number.isNaN(length)) {
        response.resume();
        reject(
          new Error(response.statusCode === 200 ? 'no Content-Length' : `HTTP error ${response.statusCode}`),
        );
        return;
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        if (body.length === length) resolve(body);
        else reject(new Error('connection lost'));
      });
    });
    request.on('error', reject);
  });
}
