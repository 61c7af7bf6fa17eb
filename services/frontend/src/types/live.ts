/** How far the processing of one asset is. */
export interface Progress {
  /** 0 to 100, or null when the backend does not say. */
  percent: number | null;
  stage: string | null;
  status: string | null;
}

/** A message of the backend's WebSocket. Types that we do not know are ignored. */
export interface LiveMessage {
  type: string;
  /** Numbers the updates without gaps, so that a lost one is noticed. */
  seq?: number;
  data?: { asset_id?: number; progress?: number; stage?: string; status?: string };
}

/** Where the connection stands: open, being opened, or waiting until `retryAt` (ms since 1970). */
export type LiveStatus = { phase: 'connecting' } | { phase: 'live' } | { phase: 'waiting'; retryAt: number };
