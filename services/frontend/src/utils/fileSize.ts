const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, with one digit after the point below ten: 812 B, 3.4 MB, 12 GB. */
export function formatSize(bytes: number): string {
  if (!Number.isFinite(bytes) || bytes < 0) return 'unknown size';
  let [value, power] = [bytes, 0];
  // 999.5 would be rounded to 1000, which belongs to the next unit.
  while (value >= 999.5 && power < UNITS.length - 1) [value, power] = [value / 1000, power + 1];
  const digits = power > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[power] ?? ''}`;
}
