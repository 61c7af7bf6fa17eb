/** What the backend knows about one file. Fields that it could not read are absent or null. */
export interface MediaMetadata {
  width?: number | null;
  height?: number | null;
  /** Seconds. */
  duration?: number | null;
  /** A path on our own origin, such as /thumbnails/ab12.jpg. */
  thumbnail_url?: string | null;
  codec?: string | null;
  fps?: number | null;
}

/** One file of the library, as GET /api/v1/assets/<id> answers it. */
export interface Asset {
  id: number;
  title: string;
  /** Relative to the media folder, with forward slashes. */
  file_path: string;
  mime_type: string;
  /** Bytes. */
  file_size: number;
  created_at: string;
  updated_at: string;
  media_metadata: MediaMetadata;
  /** Where processing stands: queued, ... , ready or failed. Older backends leave it out. */
  status?: string | null;
  /** Why processing failed. */
  error?: string | null;
}

/** One page of the list. */
export interface AssetPage {
  items: Asset[];
  meta: { page: number; total: number; pages: number };
}

export type MediaKind = 'video' | 'image';

/** Whether an asset is played or shown. */
export const kindOf = (asset: Pick<Asset, 'mime_type'>): MediaKind =>
  asset.mime_type.startsWith('video/') ? 'video' : 'image';
