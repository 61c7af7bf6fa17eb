const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

const isDate = (moment: Date) => !Number.isNaN(moment.getTime());

/** A moment in local time, or the text itself when it is no date. */
export function formatMoment(iso: string): string {
  const moment = new Date(iso);
  return isDate(moment) ? absolute.format(moment) : iso;
}

/** The time of day of a moment, in local time, or the text itself when it is no date. */
export function formatClock(iso: string): string {
  const moment = new Date(iso);
  return isDate(moment) ? clock.format(moment) : iso;
}

/** A stretch of time in its largest whole unit: 42 s, 12 min, 3 h, 2 d. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
