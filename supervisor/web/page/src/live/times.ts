/** Times as people say them. */

const STEPS: [seconds: number, unit: string][] = [[86400, "d"], [3600, "h"], [60, "min"]];

/** How long ago `at` was, such as "3 min"; both in milliseconds since 1970. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  for (const [length, unit] of STEPS) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return "just now";
}

/** The time of day, with the date where it is another day than `now`. */
export function clock(at: number, now: number): string {
  const [date, today] = [new Date(at), new Date(now)];
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === today.toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}
