import { getJson, sendJson } from './http';

const PATH = '/api/v1/session';

/** Whether the backend wants a token (API_TOKEN), and whether this browser has given it. */
export interface Session {
  needs_token: boolean;
  is_signed_in: boolean;
}

export const getSession = (signal: AbortSignal): Promise<Session> => getJson<Session>(PATH, signal);

/** Gives the token. The backend answers with a cookie that no script can read. */
export const signIn = (token: string): Promise<Session> => sendJson<Session>('POST', PATH, { token });

/** Gives the cookie back. */
export const signOut = (): Promise<Session> => sendJson<Session>('DELETE', PATH);
