const DEADLINE_MS = 15_000;

/** A request failed. `status` is the HTTP code, or null when there was no answer at all. */
export class ApiError extends Error {
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const said = body !== null && typeof body === 'object' && 'error' in body ? body.error : null;
  const message = typeof said === 'string' ? said : `the server answered ${response.status}`;
  return new ApiError(message, response.status);
}

async function request(path: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(path, { signal, headers: { Accept: 'application/json' }, ...init });
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    throw new ApiError(late ? 'no answer in time' : 'the server cannot be reached', null);
  }
}

/** GETs JSON. Throws ApiError for every answer but 2xx, for silence and for a body that is not JSON. */
export async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
  return valueOf<T>(await request(path, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)])));
}

/** Sends JSON, or no body at all, and reads the JSON of the answer. Throws ApiError as getJson does. */
export async function sendJson<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
  const headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return valueOf<T>(await request(path, AbortSignal.timeout(DEADLINE_MS), { method, headers, ...content }));
}

async function valueOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw await errorOf(response);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError('the server did not answer with JSON', response.status);
  }
}
