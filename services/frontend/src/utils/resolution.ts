import type { MediaMetadata } from '../types/asset';

/** Width and height such as 1920 × 1080, or null when they are unknown. */
export function formatResolution({ width, height }: MediaMetadata): string | null {
  return width && height ? `${width} × ${height}` : null;
}
