import { below } from '../ui/root';
import { keyHeader } from './key';
import { ApiError, problem, refusal } from './request';
import type { UploadedFirmware } from './types';

/** Sends a form with a file; with XMLHttpRequest, for fetch does not say how much has been sent. */
export function upload(
  form: FormData,
  progress: (sent: number, total: number) => void,
  stop: AbortSignal,
): Promise<UploadedFirmware> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', below('/api/firmware/upload'));
    for (const [name, value] of Object.entries(keyHeader())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onload = () => {
      // 200: the same bytes again, which mend a damaged binary.
      if (request.status === 201 || request.status === 200)
        resolve(JSON.parse(request.responseText) as UploadedFirmware);
      else reject(refusal(request.status, request.responseText));
    };
    request.onerror = () => reject(new ApiError(problem(0, 'The upload was interrupted.')));
    request.onabort = () => reject(new ApiError(problem(0, 'The upload was cancelled.')));
    stop.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}
